# From a container to the derivations that make its image: the spec, the root tree, the draft, the image.
#
# All of them are built by `devenv-container` itself, which reads its attributes as JSON. So an image
# needs nothing of a package set but what the project uses. It is a program of `containerSystem`, which
# need not be the `system` the image is for.
{ lib, system, initProgram, containerProgram, containerSystem, writeScript, capture, bash, bashInteractive, coreutils }:
let
  accounts = import ./lib/accounts.nix { inherit lib; };
  root = import ./root.nix { inherit lib; };
  copied = import ./copied.nix { inherit lib; };
  containers = import ./container.nix { inherit lib; };
  layers = import ./layers.nix { inherit lib; };
  certificates = import ./lib/certificates.nix;
  bases = import ./base.nix { inherit lib arch; };
  storePaths = import ./lib/store-paths.nix;

  # The architecture in the words of the image format (GOARCH).
  architectures = { x86_64-linux = "amd64"; aarch64-linux = "arm64"; };
  arch = architectures.${system} or (throw
    "cannot make an image for `${system}`\nhint: use one of ${lib.concatStringsSep ", " (lib.attrNames architectures)}");

  build = name: subcommand: attributes: derivation ({
    inherit name;
    system = containerSystem;
    builder = containerProgram;
    args = [ subcommand ];
    __structuredAttrs = true;
    allowSubstitutes = false;
    preferLocalBuild = true;
  } // attributes);

  safeName = import ./lib/store-name.nix;

  port = value: if builtins.isInt value then "${toString value}/tcp" else if lib.hasInfix "/" value then value else "${value}/tcp";
  # Times of the image format are in nanoseconds.
  health = check: {
    Test = [ "CMD" ] ++ check.command;
    Interval = check.interval * 1000000000;
    Timeout = check.timeout * 1000000000;
    StartPeriod = check.startPeriod * 1000000000;
    Retries = check.retries;
  };
  flags = lib.foldl' (set: key: set // { ${key} = { }; }) { };
in
{
  /**
    The image of `containers.<name>` of an evaluated project: a derivation whose output is JSON. Its
    `draft` is the same before the layers are digested, which `devenv-container` does better itself.
    `projectSource` is the project as it is copied by default, `project` the folder it is in.
  */
  image = { name, config, projectSource, project }:
    let
      container = config.containers.${name};
      captured = capture config.shell;
      shellProgram = if plan.kind == "shell" then bashInteractive else bash;

      plan = containers.plan {
        inherit name container config;
        script = title: text: "${writeScript (safeName "${name}-${title}") "#!${shellProgram}/bin/bash\n${text}"}";
        bash = "${shellProgram}/bin/bash";
        coreutils = "${coreutils}";
        envScript = captured.script;
      };

      spec = build "${safeName name}-spec.json" "nix-spec" {
        inherit (plan) spec;
        capture = if plan.environment == "declared" then null else captured.json;
      };

      # The image to build on, in a form of our own.
      baseSource = bases.source { inherit container project build; option = "containers.${name}"; };
      base = if baseSource == null then null else build "${safeName name}-base" "nix-base" { from = baseSource; inherit arch; };

      items = copied.items {
        inherit (container) copyToRoot;
        inherit projectSource;
        option = "containers.${name}.copyToRoot";
        base = bases.placeIn [ project projectSource ] container.fromImage;
      };
      makeHome = !(lib.any (item: item.folder) items);
      entries = root.files {
        init = "${initProgram}";
        # A base has those it wants.
        shell = if base == null && plan.usesBash then "${shellProgram}/bin/bash" else null;
        env = if base != null || plan.environment == "declared" then null else "${coreutils}/bin/env";
        links = copied.links items ++ trusted;
        inherit users;
      };
      files = build "${safeName name}-root" "nix-root" ({ inherit entries; } // below);
      below = lib.optionalAttrs (base != null) {
        below = "${base}/root.json";
        claims = accounts.claims { option = "containers.${name}"; inherit users; inherit (container) user; };
      };
      folderList = root.folders { inherit makeHome owner; inherit (container) volumes; };
      folders = build "${safeName name}-folders" "nix-root" {
        entries = map ({ path, ... }: { inherit path; directory = true; }) folderList;
      };

      trusted = certificates.links "containers.${name}.caCertificates" container.caCertificates;
      users = accounts.checked "containers.${name}.users" container.users;
      owner = accounts.owner (base != null) "containers.${name}.user" users container.user;

      settings = {
        Entrypoint = plan.entrypoint spec;
        # The home stays that of the project, whoever runs it.
        Env = [ "HOME=${root.home}" "USER=${if owner.uname == "" then "user" else owner.uname}" ]
          ++ lib.optional (trusted != [ ]) "SSL_CERT_FILE=${certificates.file}";
        User = container.user;
        WorkingDir = container.workingDir;
      }
      // lib.optionalAttrs (plan.cmd != null) { Cmd = plan.cmd; }
      // lib.optionalAttrs (container.exposedPorts != [ ]) { ExposedPorts = flags (map port container.exposedPorts); }
      // lib.optionalAttrs (container.volumes != [ ]) { Volumes = flags container.volumes; }
      // lib.optionalAttrs (container.labels != { }) { Labels = container.labels; }
      // lib.optionalAttrs (container.healthcheck != null) { Healthcheck = health container.healthcheck; }
      // lib.optionalAttrs (container.stopSignal != null) { StopSignal = container.stopSignal; };

      # A tree of ours at `/`.
      atRoot = tree: permissions: {
        path = "${tree}";
        rewrite = { regex = "^${lib.escapeRegex (pathOf tree)}"; repl = ""; };
        perms = permissions (pathOf tree);
      };
      pathOf = tree: builtins.unsafeDiscardStringContext "${tree}";

      special =
        [ (atRoot files (_: [ ])) (atRoot folders (tree: root.permissions tree folderList)) ]
        ++ map (copied.special { inherit owner; inherit (container) volumes; }) items;
      groups = layers.groups container.layers;
      # What is not asked for by a layer: everything that the configuration and the spec mention.
      own = {
        deps = lib.unique ([ "${spec}" ] ++ storePaths.mentioned (builtins.toJSON settings));
        paths = special;
        inherit (container) maxLayers;
      };
      # Why there is what the configuration and the spec do not mention, in the words of the options.
      origin = {
        spec = "${spec}";
        files = "${files}";
        reasons =
          layers.reasons container.layers
          ++ map (item: { what = "copyToRoot"; path = "${item.inStore}"; placed = true; }) items
          ++ [
            { what = "accounts and links of the image"; path = "${files}"; placed = true; }
            { what = "folders of the image"; path = "${folders}"; placed = true; }
          ]
          ++ map (link: { what = "caCertificates"; path = link.link; }) (lib.take 1 trusted)
          ++ map (entry: { what = "the link ${entry.path}"; path = entry.link; })
            (lib.filter (entry: entry ? link && !(lib.elem entry trusted) && lib.hasPrefix builtins.storeDir entry.link) entries);
      };
      rootsOf = group: group.deps ++ map (entry: entry.path) group.paths;

      # All that follows from names. It is made without reading what is in the image.
      draft = build "image-${safeName container.name}.draft.json" "nix-draft" {
        image = {
          inherit (container) name;
          tag = container.version;
          inherit arch;
          created = "1970-01-01T00:00:01Z";
          config = settings;
          inherit (container) annotations;
          inherit origin;
          spec = "${spec}";
          layers = groups;
          inherit own;
          repeat = !container.enableLayerDeduplication;
        } // lib.optionalAttrs (base != null) { base = "${base}/image.json"; };
        # Everything the image mentions, with all that this needs in turn.
        exportReferencesGraph.graph = lib.unique (lib.concatMap rootsOf (groups ++ [ own ]));
      };
    in
    build "image-${safeName container.name}.json" "nix-image" { draft = "${draft}"; }
    // {
      inherit draft spec;
      inherit (plan) kind environment;
      # As nix2container's images have them.
      imageName = container.name;
      imageTag = container.version;
    };
}
