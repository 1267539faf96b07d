# The users of an image.
{ lib, ... }:
let
  accounts = import ../lib/accounts.nix { inherit lib; };
  users = { postgres = { uid = 70; gid = null; home = "/data"; }; web = { uid = 5; gid = 1000; home = "/"; }; };
  owner = accounts.owner false "user" users;
in
{
  "everyone is in /etc/passwd" = {
    expr = accounts.passwd users;
    expected = ''
      nobody:x:65534:65534:nobody:/:/bin/sh
      postgres:x:70:70:postgres:/data:/bin/sh
      root:x:0:0:root:/root:/bin/sh
      user:x:1000:1000:user:/env:/bin/sh
      web:x:5:1000:web:/:/bin/sh
    '';
  };
  "a group of another name is not made twice" = {
    expr = accounts.group users;
    expected = "nogroup:x:65534:\npostgres:x:70:\nroot:x:0:\nuser:x:1000:\n";
  };
  "by name" = { expr = owner "postgres"; expected = { uid = 70; gid = 70; uname = "postgres"; gname = "postgres"; }; };
  "by number" = { expr = owner "1000:1000"; expected = { uid = 1000; gid = 1000; uname = "user"; gname = "user"; }; };
  "by number, with its group" = { expr = owner "5"; expected = { uid = 5; gid = 1000; uname = "web"; gname = "user"; }; };
  "a number nobody has" = { expr = owner "12345"; expected = { uid = 12345; gid = 0; uname = ""; gname = "root"; }; };
  "a name and a number" = { expr = owner "nobody:070"; expected = { uid = 65534; gid = 70; uname = "nobody"; gname = "postgres"; }; };
  "what a base must not contradict is all that is declared" = {
    expr = accounts.claims { option = "app"; inherit users; user = "postgres"; };
    expected = {
      users = [
        { option = "app.users.postgres"; name = "postgres"; uid = 70; gid = 70; declared = true; }
        { option = "app.users.web"; name = "web"; uid = 5; gid = 1000; declared = true; }
      ];
      groups = [ { option = "app.users.postgres"; name = "postgres"; gid = 70; declared = true; } ];
    };
  };
  "and of those every image has those that are named" = {
    expr = map (user: accounts.claims { option = "app"; users = { }; inherit user; }) [ "nobody:nogroup" "1000:nogroup" "user:1000" "0" ];
    expected =
      let
        nogroup = { option = "app.user"; name = "nogroup"; gid = 65534; declared = false; };
        user = name: number: { option = "app.user"; inherit name; uid = number; gid = number; declared = false; };
      in
      [
        { users = [ (user "nobody" 65534) ]; groups = [ nogroup ]; }
        { users = [ ]; groups = [ nogroup ]; }
        { users = [ (user "user" 1000) ]; groups = [ ]; }
        { users = [ ]; groups = [ ]; }
      ];
  };
}
