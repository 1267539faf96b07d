# Where `devenv-container copy processes` sends the image when it is not told otherwise.
{ pkgs, ... }:
{
  name = "registry";

  processes.hello.exec = "hello";
  packages = [ pkgs.hello ];

  containers."processes" = {
    registry = "docker://registry.example.com/";
    # Arguments are lines of shell, so a token can be fetched at the moment of the copy.
    defaultCopyArgs = [
      "--dest-creds"
      "x:\"$(${pkgs.hello}/bin/hello)\""
    ];
  };
}
