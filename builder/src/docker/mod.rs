//! The Docker Engine, spoken to over its socket: no client program is needed to load an image.

pub mod context;
pub mod endpoint;
pub mod engine;
pub mod http;
pub mod patience;
pub mod ssh;
pub mod tls;

pub use endpoint::Endpoint;
pub use engine::Engine;
