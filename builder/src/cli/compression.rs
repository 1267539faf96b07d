//! Options that say how layers are compressed where blobs are.

use clap::Args;

use crate::error::Result;
use crate::image::Codec;

/// The codec of registries, layouts and their archives; engines and directories get none.
#[derive(Clone, Debug, Default, Args)]
pub struct CompressionOptions {
    /// Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or
    /// none, in registries and OCI layouts
    #[arg(
        long,
        value_name = "FORMAT",
        global = true,
        value_parser = ["gzip", "zstd", "none"],
        help_heading = "Options of copy"
    )]
    compression: Option<String>,
    /// Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)
    #[arg(long, value_name = "LEVEL", global = true, help_heading = "Options of copy")]
    compression_level: Option<u8>,
}

impl CompressionOptions {
    /// The codec that is asked for.
    ///
    /// # Errors
    /// When it has no such level.
    pub fn codec(&self) -> Result<Codec> {
        Codec::new(self.compression.as_deref().unwrap_or("gzip"), self.compression_level)
    }

    /// Those that ask for a format.
    #[cfg(test)]
    pub fn of(format: &str) -> Self {
        Self { compression: Some(format.to_owned()), compression_level: None }
    }

    /// Whether any codec is asked for.
    pub fn given(&self) -> bool {
        self.compression.is_some() || self.compression_level.is_some()
    }
}
