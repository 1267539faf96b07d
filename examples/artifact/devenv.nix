# An image that holds a finished program and nothing else. `./build` makes the program in `dist/`,
# then `devenv-container run prod` starts it.
{
  processes.build.exec = "./build";

  containers."prod" = {
    name = "artifact";
    copyToRoot = ./dist;
    startupCommand = "/mybinary serve";
  };
}
