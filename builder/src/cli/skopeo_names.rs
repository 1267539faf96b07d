//! The names of the arguments of `skopeo copy`, by what they mean here.

/// The arguments understood here that are followed by a value.
pub const WITH_VALUE: [&str; 15] = [
    "--dest-creds",
    "--dest-username",
    "--dest-password",
    "--dest-registry-token",
    "--dest-authfile",
    "--authfile",
    "--dest-cert-dir",
    "--dest-compress-format",
    "--dest-compress-level",
    "--dest-daemon-host",
    "--digestfile",
    "--retry-times",
    "--multi-arch",
    "--format",
    "-f",
];

/// Arguments with a value that ask for something about the source: it is a project here, which
/// nobody logs in to.
pub const ABOUT_THE_SOURCE: [&str; 9] = [
    "--decryption-key",
    "--src-authfile",
    "--src-cert-dir",
    "--src-creds",
    "--src-daemon-host",
    "--src-password",
    "--src-registry-token",
    "--src-shared-blob-dir",
    "--src-username",
];

/// Arguments with a value that only skopeo can carry out. They are told from switches, which have
/// none, so that a value is never taken for an argument of its own. None of the values is a secret:
/// other programs are never handed one, since all may see their arguments.
pub const SKOPEO_WITH_VALUE: [&str; 21] = [
    "--additional-tag",
    "--command-timeout",
    "--dest-shared-blob-dir",
    "--encrypt-layer",
    "--encryption-key",
    "--image-parallel-copies",
    "--override-arch",
    "--override-os",
    "--override-variant",
    "--policy",
    "--registries-conf",
    "--registries.d",
    "--retry-delay",
    "--sign-by",
    "--sign-by-sigstore",
    "--sign-by-sigstore-private-key",
    "--sign-by-sq-fingerprint",
    "--sign-identity",
    "--sign-passphrase-file",
    "--tmpdir",
    "--user-agent-prefix",
];

/// Switches that only skopeo can carry out.
pub const SKOPEO_SWITCHES: [&str; 4] =
    ["--debug", "--dest-compress", "--dest-decompress", "--dest-force-compress-format"];

/// Switches that ask for what is so in any case: nothing is signed, digests do not change, they
/// are known before anything is sent, no policy is read, and the image is one.
pub const SO_ANYWAY: [&str; 8] = [
    "--insecure-policy",
    "--preserve-digests",
    "--remove-signatures",
    "--dest-precompute-digests",
    "--dest-oci-accept-uncompressed-layers",
    "--all",
    "-a",
    "--src-no-creds",
];
