# Functions on packages.
rec {
  /** The output that holds programs. */
  getBin = package: package.bin or package;

  /** The absolute path of a program of a package. */
  getExe' = package: name: "${getBin package}/bin/${name}";

  /** The absolute path of a package's main program; its name is the last resort. */
  getExe = package:
    getExe' package (package.meta.mainProgram or package.pname or (builtins.parseDrvName package.name).name);

  licenses.asl20 = { spdxId = "Apache-2.0"; free = true; };
  platforms.linux = [ "aarch64-linux" "x86_64-linux" ];
}
