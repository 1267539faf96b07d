# devenv's types of both options take null.
{
  processes.web.exec = "web";
  containers.processes = { name = null; version = null; };
}
