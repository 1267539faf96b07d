# The environment of a shell derivation, captured while an image is built.
#
# The derivation is built once more with another script in place of its own builder's. That script
# has the same inputs and the same sandbox, so what it sees is what the shell would see.
{ without ? [ ] }:
let
  storeName = import ./lib/store-name.nix;

  # Checks on what the shell's own output may refer to are not about an environment.
  checks = [ "allowedReferences" "allowedRequisites" "disallowedReferences" "disallowedRequisites" ];

  # The attributes of a shell without the variables that are to be left out.
  attributesOf = shell: removeAttrs shell.drvAttrs without;
in
{
  /**
    Captures a shell. Returns `json`, a file in the shape of `nix print-dev-env --json`, and `script`,
    a file for bash to source.
  */
  own = shell:
    let
      captured = derivation (removeAttrs (attributesOf shell) checks // {
        name = "${storeName shell.name}-env";
        args = [ ./capture.sh ];
        outputs = [ "out" "envScript" ];
        allowSubstitutes = false;
        preferLocalBuild = true;
      });
    in
    { json = "${captured.out}"; script = "${captured.envScript}"; };

  /**
    The same through mk-shell-bin, given as its `mkShellBin` function, for projects that have it as an
    input. Its script is the one users know; the file it was made from is the JSON.
  */
  mkShellBin = mkShellBin: nixpkgs: shell:
    let
      drv = { inherit (shell) name; drvAttrs = attributesOf shell; };
      envScript = (mkShellBin { inherit drv nixpkgs; bashPrompt = "(devenv) \\s-\\v\\$ "; }).envScript;
    in
    { json = "${envScript.envInp}"; script = "${envScript}"; };
}
