# The inputs of a project: what its devenv.yaml declares, at the revisions its devenv.lock holds.
#
# Arguments
#   project    the project's folder, as a string; relative paths of the lock start there
#   lockFile   devenv.lock as a string, or null
#   declared   by name: `path`, a folder, or null for what is locked; `dir` within it; `flake`, whether
#              to evaluate its flake.nix; `follows`, names that lead to another input, or null; and
#              `inputs`, such names by the name of an input of the input
#   imports    one `{ input, path }` a module: a file or folder of an input, or, without an input,
#              of this machine
#
# Result
#   inputs         by name, as flakes see their inputs: outputs, `outPath`, `inputs`, `rev` ...
#   nixpkgs        the folder of the input of this name
#   devenvModules  the folder of devenv's modules, or null without the input `devenv`
#   imports        the modules
#
# Everything is lazy: an input that nothing uses is neither fetched nor complained about.
{ project, lockFile ? null, declared, imports ? [ ] }:
let
  inherit (builtins) foldl' isList mapAttrs pathExists removeAttrs substring;

  fromFile = file: builtins.fromJSON (builtins.readFile file);

  # Seconds since the epoch as `YYYYMMDDhhmmss` in UTC. Years are counted from March, so that the leap
  # day is the last one, in cycles of 400 years, which are all of the same length.
  date = seconds:
    let
      two = number: if number < 10 then "0${toString number}" else toString number;
      rest = a: b: a - a / b * b;
      day = seconds / 86400 + 719468;
      inCycle = rest day 146097;
      year = (inCycle - inCycle / 1460 + inCycle / 36524 - inCycle / 146096) / 365;
      inYear = inCycle - (365 * year + year / 4 - year / 100);
      fromMarch = (5 * inYear + 2) / 153;
      month = if fromMarch < 10 then fromMarch + 3 else fromMarch - 9;
      inDay = rest seconds 86400;
    in
    toString (year + day / 146097 * 400 + (if month < 3 then 1 else 0))
    + two month + two (inYear - (153 * fromMarch + 2) / 5 + 1)
    + two (inDay / 3600) + two (rest inDay 3600 / 60) + two (rest inDay 60);

  local = path: { outPath = /. + path; lastModified = 0; lastModifiedDate = date 0; };

  # The source a lock names. Those with a hash need no network once they are in the store.
  fetch = name: base: locked:
    let
      host = default: locked.host or default;
      tarball = url: builtins.fetchTarball {
        inherit url;
        sha256 = locked.narHash or (throw "the lock of input '${name}' has no narHash");
      };
      fetched = {
        github = tarball "https://${host "github.com"}/${locked.owner}/${locked.repo}/archive/${locked.rev}.tar.gz";
        gitlab = tarball
          "https://${host "gitlab.com"}/${locked.owner}/${locked.repo}/-/archive/${locked.rev}/${locked.repo}-${locked.rev}.tar.gz";
        sourcehut = tarball "https://${host "git.sr.ht"}/${locked.owner}/${locked.repo}/archive/${locked.rev}.tar.gz";
        tarball = tarball locked.url;
        git = (builtins.fetchGit ({
          inherit (locked) url rev;
          submodules = locked.submodules or false;
        } // (if locked ? ref then { inherit (locked) ref; } else { allRefs = true; }))).outPath;
        path = /. + (if substring 0 1 locked.path == "/" then locked.path else "${base}/${locked.path}");
      };
      seconds = locked.lastModified or 0;
    in
    builtins.intersectAttrs { rev = null; revCount = null; narHash = null; } locked
    // (if locked ? rev then { shortRev = substring 0 7 locked.rev; } else { })
    // {
      lastModified = seconds;
      lastModifiedDate = date seconds;
      outPath = fetched.${locked.type} or (throw ''
        input '${name}' is locked as `${locked.type}`, which cannot be fetched here: give it a path: url in devenv.yaml'');
    };

  # A source as an input. One without a flake.nix is its files and nothing else.
  call = { source, dir, flake, inputs }:
    let
      outPath = if dir == "" then source.outPath else source.outPath + "/${dir}";
      file = outPath + "/flake.nix";
      outputs = (import file).outputs (inputs // { self = result; });
      result =
        if flake && pathExists file
        then outputs // source // { inherit outPath inputs outputs; sourceInfo = source; _type = "flake"; }
        else source // { inherit outPath inputs; };
    in
    result;

  # The inputs at the root of a lock file, which lies in the folder `base`.
  locked = base: lock:
    let
      # An input of a node is another node's name, or a path of names from the root to follow.
      target = given: if isList given then walk given else given;
      walk = foldl' (from: name: target lock.nodes.${from}.inputs.${name}) lock.root;
      edges = node: mapAttrs (_: given: nodes.${target given}) (node.inputs or { });
      nodes = mapAttrs (name: node: call {
        source = fetch name base node.locked;
        dir = node.locked.dir or "";
        flake = node.flake or true;
        inputs = edges node;
      }) (removeAttrs lock.nodes [ lock.root ]);
    in
    edges lock.nodes.${lock.root};

  ofProject = if lockFile == null then { } else locked project (fromFile lockFile);

  # Follows names from input to input, as in [ "devenv" "nixpkgs" ].
  follow = names: foldl' (from: name:
    from.inputs.${name} or (throw "devenv.yaml follows ${builtins.concatStringsSep "/" names}, but there is no input '${name}'")
  ) { inherit inputs; } names;

  # A folder of this machine: its own inputs are those the project's lock has for it, or its own lock.
  fromPath = name: one:
    let
      folder = one.path + (if one.dir == "" then "" else "/${one.dir}");
      ownLock = "${folder}/flake.lock";
      own = if pathExists ownLock then locked folder (fromFile ownLock) else { };
      asked = if pathExists "${folder}/flake.nix" then (import (/. + "${folder}/flake.nix")).inputs or { } else { };
      unlocked = mapAttrs (input: _: throw ''
        input '${input}' of input '${name}' is not locked: let it follow one of the project's with
        inputs.${name}.inputs.${input}.follows in devenv.yaml'') asked;
    in
    call {
      source = local one.path;
      inherit (one) dir flake;
      inputs = unlocked // own // (ofProject.${name}.inputs or { }) // mapAttrs (_: follow) one.inputs;
    };

  inputs = ofProject // mapAttrs (name: one:
    if one.follows != null then follow one.follows
    else if one.path != null then fromPath name one
    else ofProject.${name} or (throw ''
      input '${name}' of devenv.yaml is not in devenv.lock: run `devenv-container lock` or `devenv update`, or give it a path: url'')
  ) declared;

  modulesIn = root: if pathExists (root + "/top-level.nix") then root else root + "/src/modules";

  # A folder stands for its devenv.nix.
  module = { input ? null, path }:
    let
      source = inputs.${input} or (throw "devenv.yaml imports from '${input}', but there is no such input");
      place = if input == null then /. + path else source.outPath + (if path == "" then "" else "/${path}");
    in
    if pathExists (place + "/devenv.nix") then place + "/devenv.nix"
    else if pathExists place then place
    else throw "devenv.yaml imports ${if input == null then path else "${input}/${path}"}, which does not exist";
in
{
  inherit inputs;
  nixpkgs = inputs.nixpkgs.outPath;
  devenvModules = if inputs ? devenv then modulesIn inputs.devenv.outPath else null;
  imports = map module imports;
}
