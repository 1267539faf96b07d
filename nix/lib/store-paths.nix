# The store paths a text mentions, without building or importing anything.
let
  # Nix's own alphabet leaves out e, o, t and u; names are at most 211 characters of these.
  pattern = "(${builtins.storeDir}/[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+._?=-]+)";
in
{
  /**
    Every distinct store path in `text`, cut after its name, in the order of appearance. Each keeps
    the context of the whole text, so that whoever uses it has it built.
  */
  mentioned = text:
    let
      context = builtins.getContext text;
      found = builtins.filter builtins.isList (builtins.split pattern (builtins.unsafeDiscardStringContext text));
      add = seen: path: if builtins.elem path seen then seen else seen ++ [ path ];
    in
    map (path: builtins.appendContext path context)
      (builtins.foldl' add [ ] (map builtins.head found));
}
