# The file with certificates to trust, and where programs look for it.
let
  fail = import ./fail.nix;
  inStore = option: file:
    if builtins.isPath file && !(builtins.pathExists file) then
      fail "`${option}`: ${toString file} does not exist" "put the file there first; in a flake, git must know it too"
    else if !(builtins.isPath file) && builtins.getContext "${file}" == { } then
      fail "`${option}`: the image would not have ${file}"
        "name a file of the project or of this machine without quotes, or one of a package: \"\${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt\""
    else "${file}";
in
{
  /** What `SSL_CERT_FILE` is. */
  file = "/etc/ssl/certs/ca-certificates.crt";

  /** Links to a file, which may be null, where Debian and where Red Hat has it. `option` is its path for messages. */
  links = option: file:
    if file == null then [ ]
    else
      map (path: { inherit path; link = inStore option file; })
        [ "/etc/ssl/certs/ca-certificates.crt" "/etc/ssl/certs/ca-bundle.crt" "/etc/pki/tls/certs/ca-bundle.crt" ];
}
