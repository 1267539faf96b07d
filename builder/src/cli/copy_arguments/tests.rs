//! Arguments as people give them, and what is made of them.

use super::*;

/// Arguments, where there is no skopeo.
fn parse<'a>(given: impl IntoIterator<Item = &'a str>) -> Result<CopyArguments> {
    CopyArguments::parse(given, &|_| None)
}

#[test]
fn the_flags_people_use_are_understood_in_every_spelling() {
    let expected = CopyArguments {
        credentials: Some("me:x".into()),
        verify_tls: Some(false),
        retries: Some(3),
        digest_file: Some("d".into()),
        also_for_skopeo: vec!["--dest-tls-verify=false".into(), "--retry-times=3".into()],
        ..CopyArguments::default()
    };
    for given in [
        "--dest-creds=me:x --dest-tls-verify=false --retry-times 3 --digestfile=d",
        "--dest-creds me:x --dest-tls-verify=false --retry-times=3 --digestfile d",
        "--all --dest-creds=me:x --dest-tls-verify=false --src-creds a:b --retry-times 3 \
         --src-tls-verify=false --digestfile d --insecure-policy",
    ] {
        assert_eq!(parse(given.split(' ')).unwrap(), expected, "{given}");
    }
}

#[test]
fn every_flag_with_a_value_takes_it() {
    for name in WITH_VALUE {
        let value = match name {
            "--retry-times" | "--dest-compress-level" => "1",
            "--dest-compress-format" => "zstd",
            "--multi-arch" => "all",
            "--format" | "-f" => "oci",
            _ => "a:b",
        };
        let parsed = parse([name, value]).unwrap();
        assert!(parsed.for_skopeo.is_empty(), "{name}");
    }
}

#[test]
fn what_only_skopeo_can_do_is_kept_for_it_and_holds_no_secret() {
    let given = "--dest-creds me:secret --sign-by KEY --format=v2s2 --dest-decompress \
                 --dest-password secret --dest-registry-token secret --retry-times 2";
    let parsed = parse(given.split_whitespace()).unwrap();
    assert_eq!(parsed.for_skopeo, ["--sign-by", "KEY", "--dest-decompress"]);
    assert_eq!(parsed.also_for_skopeo, ["--format=v2s2", "--retry-times=2"]);
    assert_eq!(parsed.format, Format::Docker);
}

#[test]
fn what_makes_no_sense_is_named() {
    for (given, named) in [
        ("--dest-creds", "needs a value"),
        ("--sign-by", "needs a value"),
        ("--dest-tls-verify=maybe", "maybe"),
        ("--retry-times=x", "`x`"),
        ("--dest-compress-level=x", "`x`"),
        ("--creds=me:secret", "unknown copy argument --creds\n"),
        ("--dest-token=secret", "unknown copy argument --dest-token\n"),
        ("--dest-token\nsecret", "unknown copy argument --dest-token\n"),
        ("--retry-times=1\n--dest-creds=me:secret", "`1`"),
        ("--format=v2s1", "format v2s1"),
        ("--format=secret", "no such format"),
        ("--quiet=1\n--dest-creds=me:secret", "not 1"),
        ("me:secret", "dash"),
    ] {
        let failure = parse([given]).unwrap_err();
        assert_eq!(failure.kind(), Kind::Usage);
        let said = failure.to_string();
        assert!(said.contains(named) && !said.contains("secret"), "{failure}");
    }
}

#[test]
fn go_has_many_words_for_yes_and_no() {
    for (given, on) in [("1", true), ("T", true), ("True", true), ("0", false), ("f", false)] {
        let parsed = parse([format!("--dest-tls-verify={given}").as_str()]);
        assert_eq!(parsed.unwrap().verify_tls, Some(on), "{given}");
    }
}

#[test]
fn codecs_of_ours_are_taken_and_others_left_to_skopeo() {
    let codec =
        |given: &str, options: &CompressionOptions| parse(given.split(' ')).unwrap().codec(options);
    let none = CompressionOptions::default();
    for (given, expected) in [
        ("--dest-compress-format=zstd --dest-compress-level 5", Some(Codec::Zstd(5))),
        ("--dest-compress-format gzip", Some(Codec::new("gzip", None).unwrap())),
        ("--dest-compress-level=9", Some(Codec::Gzip(9))),
        ("--dest-compress-format=zstd:chunked", None),
        ("--quiet", None),
    ] {
        assert_eq!(codec(given, &none).unwrap(), expected, "{given}");
    }
    assert!(codec("--dest-compress-level=40", &none).is_err());
    let some = CompressionOptions::of("zstd");
    assert!(codec("--dest-compress-format=gzip", &some).is_err());
    assert_eq!(codec("--quiet", &some).unwrap(), None);
    let parsed = parse(["--dest-compress-format=zstd:chunked"]).unwrap();
    assert_eq!(parsed.for_skopeo, ["--dest-compress-format=zstd:chunked"]);
}

#[test]
fn one_platform_is_not_several() {
    let check = |given: &str, several| parse([given]).unwrap().check_platforms(several);
    assert!(check("--multi-arch=system", false).is_ok());
    assert!(check("--multi-arch=system", true).is_err());
    assert!(check("--multi-arch=all", true).is_ok());
    let parsed = parse(["--multi-arch=index-only"]).unwrap();
    assert_eq!(parsed.for_skopeo, ["--multi-arch=index-only"]);
}

#[test]
fn a_password_from_the_input_belongs_to_whoever_is_named() {
    for given in ["--dest-username=me", "--dest-creds=me"] {
        let mut parsed = parse([given]).unwrap();
        parsed.read_password(&mut &b"pa:ss\n"[..]).unwrap();
        let reference = Reference::parse("registry.example.com/a").unwrap();
        let expected = Credentials::Password { user: "me".into(), password: "pa:ss".into() };
        assert_eq!(parsed.credentials(&reference).unwrap(), expected);
    }
    for given in [
        "--dest-creds=me:pw",
        "--dest-password=pw --dest-username=me",
        "--dest-registry-token=pw --dest-username=me",
        "--dest-no-creds --dest-username=me",
    ] {
        let mut parsed = parse(given.split(' ')).unwrap();
        let failure = parsed.read_password(&mut &b"x\n"[..]).unwrap_err();
        assert_eq!(failure.kind(), Kind::Usage);
        let name = given.split(['=', ' ']).next().unwrap();
        assert!(
            failure.message().contains(name) && !failure.to_string().contains("pw"),
            "{failure}"
        );
    }
    assert!(CopyArguments::default().read_password(&mut &b"x"[..]).is_err());
    for nothing in [&b""[..], b"\n", b"\r\n"] {
        let mut parsed = parse(["--dest-username=me"]).unwrap();
        let failure = parsed.read_password(&mut &*nothing).unwrap_err();
        assert_eq!(failure.kind(), Kind::Usage, "{failure}");
    }
}

#[test]
fn what_only_a_newer_skopeo_knows_is_left_to_it_unless_it_may_be_secret() {
    let others = |flag: &str| match flag {
        "--sign-with" | "--dest-new-token" | "--dest-new-token-file" => Some(true),
        "--be-careful" => Some(false),
        _ => None,
    };
    let parse = |given: &str| CopyArguments::parse(given.split(' '), &others);
    for (given, expected) in [
        ("--sign-with=a=b -q", &["--sign-with", "a=b"][..]),
        ("--sign-with --all -q", &["--sign-with", "--all"]),
        ("--be-careful -q", &["--be-careful"]),
        ("--be-careful=false -q", &["--be-careful=false"]),
        ("--dest-new-token-file=f -q", &["--dest-new-token-file", "f"]),
    ] {
        let parsed = parse(given).unwrap();
        assert_eq!(
            (parsed.for_skopeo, parsed.quiet),
            (expected.iter().map(|w| (*w).to_owned()).collect(), true)
        );
    }
    for (given, why) in [
        ("--sign-with", "needs a value"),
        ("--dest-new-token=s3cr3t", "without showing it"),
        ("--other=s3cr3t", "unknown copy argument --other"),
    ] {
        let failure = parse(given).unwrap_err();
        assert_eq!(failure.kind(), Kind::Usage);
        assert!(
            failure.message().contains(why) && !failure.to_string().contains("s3cr3t"),
            "{failure}"
        );
    }
}
