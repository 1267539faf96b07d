//! Registries (OCI distribution-spec 1.1): pushing an image without wasting a byte.

pub mod auth;
pub mod client;
pub mod credentials;
pub mod reference;

pub use client::{Client, Options};
pub use credentials::Credentials;
pub use reference::Reference;
