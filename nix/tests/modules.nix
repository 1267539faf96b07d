# The core modules: defaults and how they depend on each other.
{ lib, core, throwing }:
let
  empty = core { };
  web = core { name = "app"; processes.web = { exec = "serve"; ports.http.allocate = 8080; }; containers.serve = { }; };
in
{
  "the default containers" = { expr = builtins.attrNames empty.containers; expected = [ "processes" "shell" ]; };
  "images of the default containers are called like them" = {
    expr = map (name: empty.containers.${name}.name) [ "processes" "shell" ];
    expected = [ "processes" "shell" ];
  };
  "other images are called after the project" = { expr = web.containers.serve.name; expected = "app-serve"; };
  "null as a name or a version is what they are by default" = {
    expr =
      let
        null' = { name = null; version = null; };
        project = core { name = "app"; containers = { serve = null'; processes = null'; }; };
      in
      map (name: { inherit (project.containers.${name}) name version; }) [ "processes" "serve" ];
    expected = [ { name = "processes"; version = "latest"; } { name = "app-serve"; version = "latest"; } ];
  };
  "devenv's defaults of a container" = {
    expr = { inherit (web.containers.serve) version registry workingDir maxLayers enableLayerDeduplication isBuilding defaultCopyArgs startupCommand fromImage; };
    expected = {
      version = "latest";
      registry = "docker-daemon:";
      workingDir = "/env";
      maxLayers = null;
      enableLayerDeduplication = true;
      isBuilding = false;
      defaultCopyArgs = [ ];
      startupCommand = null;
      fromImage = null;
    };
  };
  "a container is asked how it is when one of its processes can tell" = {
    expr = map (processes: (core { inherit processes; }).containers.processes.healthcheck != null) [
      { web.exec = "web"; }
      { web = { exec = "web"; ready.exec = "true"; }; }
      { web = { exec = "web"; ports.http.allocate = 80; }; }
      { web = { exec = "web"; init.ready.log_line = "up"; }; }
      { web = { exec = "web"; init.live.exec = "true"; }; other.exec = "other"; }
    ];
    expected = [ false true true true true ];
  };
  "the project is copied by default" = { expr = baseNameOf web.containers.serve.copyToRoot; expected = "00000000000000000000000000000000-source"; };
  "devenv's defaults of a process" = {
    expr = { inherit (web.processes.web) start env cwd after before restart shutdown ready listen; };
    expected = {
      start.enable = true;
      env = { };
      cwd = null;
      after = [ ];
      before = [ ];
      restart = { on = "on_failure"; max = 5; window = null; };
      shutdown = { signal = 15; grace = 5; };
      ready = null;
      listen = [ ];
    };
  };
  "a port has the value it asks for" = { expr = web.processes.web.ports.http.value; expected = 8080; };
  "the ports of processes are exposed" = { expr = web.containers.processes.exposedPorts; expected = [ 8080 ]; };
  "packages may depend on isBuilding" = {
    expr = (core ({ config, lib, ... }: {
      container.isBuilding = true;
      env.WHERE = if config.container.isBuilding then "container" else "shell";
    })).env.WHERE;
    expected = "container";
  };
  "definitions of several modules meet" = {
    expr = (core { imports = [ { env.A = "1"; enterShell = "first"; } { env.B = "2"; enterShell = lib.mkAfter "last"; } ]; }).env;
    expected = (core { env = { A = "1"; B = "2"; }; }).env;
  };
  "a stronger definition wins" = {
    expr = (core { imports = [ { name = lib.mkForce "forced"; } { name = "plain"; } { name = lib.mkDefault "weak"; } ]; }).name;
    expected = "forced";
  };
  "any process manager may be chosen" = {
    expr = (core { process.manager.implementation = "honcho"; }).process.manager.implementation;
    expected = "honcho";
  };
}
