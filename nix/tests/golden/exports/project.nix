# What tasks hand on reaches those that wait for them, however indirectly, and nobody else.
{
  tasks = {
    "app:token" = { exec = "TOKEN=x"; exports = [ "TOKEN" "USER" ]; };
    "app:report" = { exec = "echo '{}' > $DEVENV_TASK_OUTPUT_FILE"; after = [ "app:token" ]; status = "test -e done"; };
    "app:plain" = { exec = "plain"; };
  };
  processes = {
    web = { exec = "web"; after = [ "app:report" ]; env.USER = "own"; };
    worker = { exec = "worker"; after = [ "devenv:processes:web" ]; };
    apart = { exec = "apart"; after = [ "app:plain" ]; };
  };
}
