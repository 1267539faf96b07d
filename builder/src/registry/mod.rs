//! Registries (OCI distribution-spec 1.1): pushing an image without wasting a byte, and pulling one.

mod address;
pub mod auth;
mod authorities;
pub mod blobs;
mod certificates;
pub mod client;
mod connection;
pub mod credentials;
mod fresh;
mod gate;
mod helper;
pub mod login;
pub mod pieces;
pub mod places;
mod proxy;
pub mod pull;
pub mod reference;
pub mod retry;
pub mod said;
mod tls;
mod trust;

pub use client::{Client, Options};
pub use credentials::Credentials;
pub use places::Places;
pub use reference::Reference;
