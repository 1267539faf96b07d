# Functions on lists.
rec {
  inherit (builtins)
    all any concatLists concatMap elem elemAt filter foldl' genList head length map partition sort tail
    ;
  singleton = x: [ x ];
  optional = condition: x: if condition then [ x ] else [ ];
  optionals = condition: xs: if condition then xs else [ ];
  toList = x: if builtins.isList x then x else [ x ];
  imap0 = f: xs: genList (n: f n (elemAt xs n)) (length xs);
  imap1 = f: xs: genList (n: f (n + 1) (elemAt xs n)) (length xs);
  reverseList = xs: let n = length xs; in genList (i: elemAt xs (n - i - 1)) n;
  last = xs: elemAt xs (length xs - 1);
  init = xs: genList (elemAt xs) (length xs - 1);
  take = n: xs: genList (elemAt xs) (if n < length xs then n else length xs);
  drop = n: xs:
    let rest = length xs - n;
    in if rest <= 0 then [ ] else genList (i: elemAt xs (n + i)) rest;
  unique = foldl' (seen: x: if elem x seen then seen else seen ++ [ x ]) [ ];
  subtractLists = unwanted: filter (x: !(elem x unwanted));
  intersectLists = a: filter (x: elem x a);
  flatten = x: if builtins.isList x then concatMap flatten x else [ x ];
  findFirst = holds: default: xs:
    let found = filter holds xs;
    in if found == [ ] then default else head found;
  count = holds: xs: length (filter holds xs);
  zipListsWith = f: a: b:
    genList (n: f (elemAt a n) (elemAt b n))
      (if length a < length b then length a else length b);
}
