# The users and groups an image knows, `/etc/passwd` and `/etc/group`, and who a name or number is.
#
# Those of an image it builds on (`based`) are not known while the project is evaluated: what is said here
# about an account the base has, too, is compared with it when the image is built.
{ lib }:
let
  inherit (lib) concatStringsSep mapAttrsToList;
  fail = import ./fail.nix;

  fixed = {
    root = { uid = 0; gid = 0; home = "/root"; };
    user = { uid = 1000; gid = 1000; home = "/env"; };
    nobody = { uid = 65534; gid = 65534; home = "/"; };
  };
  fixedGroups = { root = 0; user = 1000; nogroup = 65534; };

  isNumber = text: builtins.match "[0-9]+" text != null;
  number = text: builtins.fromJSON (builtins.head (builtins.match "0*([0-9]+)" text));

  # Those of the image, those of the project among them. A user without a group of its own name gets one
  # unless its number is another group's.
  usersOf = users: fixed // builtins.mapAttrs (_: one: one // { gid = if one.gid == null then one.uid else one.gid; }) users;
  groupsOf = users:
    fixedGroups // lib.mapAttrs (_: one: one.gid) (lib.filterAttrs (_: one: !(lib.elem one.gid (lib.attrValues fixedGroups))) (removeAttrs (usersOf users) (lib.attrNames fixed)));

  nameOf = value: set: lib.findFirst (name: set.${name} == value) "" (lib.attrNames set);
  listed = set: concatStringsSep ", " (map (name: "`${name}`") (lib.attrNames set));

  userNumber = based: option: users: text:
    if isNumber text then number text
    else if (usersOf users) ? ${text} then (usersOf users).${text}.uid
    else fail "`${option}`: the image has no user `${text}`" (
      "there are ${listed (usersOf users)}; "
      + (
        if based then "one of the base is declared with the number it has there, as in `containers.<name>.users.${text}.uid = 33`, and any number will do"
        else "more come from `containers.<name>.users`, and any number will do"
      )
    );
  groupNumber = based: option: users: text:
    if isNumber text then number text
    else if (groupsOf users) ? ${text} then (groupsOf users).${text}
    else fail "`${option}`: the image has no group `${text}`" "there are ${listed (groupsOf users)}; ${if based then "one of the base is given by its number" else "any number will do"}";

  # What two users would share, which no program expects.
  doubled = users:
    let
      uids = lib.mapAttrs (_: one: one.uid) (usersOf users);
      twice = lib.filter (name: name != nameOf uids.${name} uids) (lib.attrNames uids);
    in
    if twice == [ ] then null
    else
      let name = lib.head twice; in
      "${name}` and `${nameOf uids.${name} uids}` have the same `uid`";
in
{
  inherit groupNumber userNumber;

  /** The users of a project, checked: their names must be new, and so must their numbers. `option` is their path. */
  checked = option: users:
    let taken = lib.filter (name: fixed ? ${name}) (lib.attrNames users); in
    if taken != [ ] then fail "`${option}.${lib.head taken}`: every image has a user of this name" "choose another name"
    else if doubled users != null then fail "`${option}`: `${doubled users}" "give each a number of its own"
    else users;

  /** The text of `/etc/passwd`. */
  passwd = users: lib.concatMapStrings (line: "${line}\n") (
    mapAttrsToList (name: one: "${name}:x:${toString one.uid}:${toString one.gid}:${name}:${one.home}:/bin/sh") (usersOf users)
  );

  /** The text of `/etc/group`. */
  group = users: lib.concatMapStrings (line: "${line}\n") (
    mapAttrsToList (name: gid: "${name}:x:${toString gid}:") (groupsOf users)
  );

  /**
    Who `USER` or `USER:GROUP` is, as owner of files: `{ uid, gid, uname, gname }`, names empty where there
    are none. Without a group it is the user's, or, as for Docker, that of root.
  */
  owner = based: option: users: text:
    let
      parts = lib.splitString ":" text;
      uid = userNumber based option users (lib.head parts);
      uname = nameOf uid (lib.mapAttrs (_: one: one.uid) (usersOf users));
      gid =
        if lib.length parts > 1 then groupNumber based option users (lib.elemAt parts 1)
        else if uname != "" then (usersOf users).${uname}.gid
        else 0;
    in
    { inherit uid gid uname; gname = nameOf gid (groupsOf users); };

  /**
    What the accounts of a base must not contradict: all that `users` declares, and those every image has
    where `user` names them. `option` is the path of the container for messages.
  */
  claims = { option, users, user }:
    let
      parts = lib.splitString ":" user;
      named = set: names: lib.filterAttrs (name: _: lib.elem name names) set;
      claim = declared: path: name: { inherit name declared; option = path; };
      ofUser = declared: path: name: one: claim declared path name // { inherit (one) uid gid; };
      ofGroup = declared: path: name: gid: claim declared path name // { inherit gid; };
      pathOf = name: "${option}.users.${name}";
      own = groupsOf users;
    in
    {
      users =
        mapAttrsToList (name: one: ofUser true (pathOf name) name one) (removeAttrs (usersOf users) (lib.attrNames fixed))
        ++ mapAttrsToList (ofUser false "${option}.user") (named fixed [ (lib.head parts) ]);
      groups =
        mapAttrsToList (name: gid: ofGroup true (pathOf name) name gid) (removeAttrs own (lib.attrNames fixedGroups))
        ++ mapAttrsToList (ofGroup false "${option}.user") (named fixedGroups (lib.tail parts));
    };
}
