# Tasks with a status, an input, and files that they look at.
{
  processes.web = {
    exec = "web";
    after = [ "app:migrate" "app:seed" ];
  };
  tasks = {
    "app:migrate" = { exec = "migrate"; status = "test -e done"; input.depth = 2; env.A = "1"; };
    "app:seed" = { exec = "seed"; execIfModified = [ "seeds" ]; };
  };
}
