# Copied with arguments of skopeo, one of which a command gives at the moment of the copy.
{
  name = "copying";
  processes.a.exec = "true";
  containers.processes = {
    registry = "oci:layout:";
    defaultCopyArgs = [ "--retry-times 2" "--digestfile" "\"$([ -n \"$COPIES\" ] && echo a digest)\"" ];
  };
}
