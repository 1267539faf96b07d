# Sockets, rights and files a process is started with, and tasks with a status or an input.
{
  processes.web = {
    exec = "web";
    after = [ "app:migrate" "app:seed" ];
    watch = { paths = [ "/env/src" "/env" "/etc/web.conf" ]; extensions = [ "conf" ]; ignore = [ "*.tmp" ]; };
    linux.capabilities = [ "cap_net_bind_service" ];
    listen = [
      { name = "unix"; kind = "unix_stream"; path = "\${DEVENV_RUNTIME}/$NAME.sock"; mode = 384; }
      { name = "plain"; kind = "unix_stream"; path = "/run/web.sock"; backlog = null; }
      { name = "tcp"; kind = "tcp"; address = "10.0.0.1:80"; backlog = 7; }
    ];
  };
  env.NAME = "web";
  tasks = {
    "app:migrate" = { exec = "migrate"; status = "test -e done"; input.depth = 2; env.A = "1"; };
    "app:seed" = { exec = "seed"; execIfModified = [ "seeds" "/env/src/**" "!/env/src/gen" "/etc/web.conf" ]; };
  };
}
