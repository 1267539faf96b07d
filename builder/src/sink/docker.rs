//! The Docker Engine as a sink: only what it lacks is sent.

use std::io::Write;
use std::sync::Arc;

use super::{Published, Sink, docker_archive};
use crate::digest::Digest;
use crate::docker::Engine;
use crate::error::{Failure, Kind, Result};
use crate::image::{Image, blob};
use crate::progress::{Silent, Watch};

/// How many of the engine's images are asked for layers it has already.
const EXAMINED: usize = 50;
/// The same when each question takes a while.
const EXAMINED_FROM_AFAR: usize = 5;

/// An engine that answered.
#[derive(Debug)]
pub struct DockerDaemon {
    engine: Engine,
    reference: Option<String>,
    watch: Arc<dyn Watch>,
}

impl DockerDaemon {
    /// Loads images into `engine`, under `reference` or the image's own name.
    pub fn new(engine: Engine, reference: Option<String>) -> Self {
        Self { engine, reference, watch: Arc::new(Silent) }
    }

    /// Tells `watch` what becomes of each layer.
    pub fn watched(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, ..self }
    }

    /// The engine's id of an image it has got: that of the configuration, or where the engine keeps
    /// images as containerd does, that of the manifest, which is known by the image's name alone.
    ///
    /// # Errors
    /// When the image is not there any more.
    pub fn id(&self, published: &Published) -> Result<String> {
        for name in [&published.digest.to_string(), &published.reference] {
            if let Some(id) = self.engine.image_id(name)? {
                return Ok(id);
            }
        }
        let message = format!("cannot find {} in the engine any more", published.reference);
        Err(Failure::new(Kind::Unavailable, message))
    }
}

impl Sink for DockerDaemon {
    fn put(&self, image: &Image) -> Result<Published> {
        let reference = docker_archive::reference(self.reference.as_deref(), image)?;
        let (digest, _) = blob::config(image)?;
        let published = |unchanged| Published {
            reference: reference.clone(),
            digest: digest.clone(),
            unchanged,
        };

        let id = digest.to_string();
        if self.engine.image_id(&reference)?.as_deref() == Some(id.as_str()) {
            return Ok(published(true));
        }
        if self.engine.image_id(&id)?.as_deref() == Some(id.as_str())
            && let Some((repository, tag)) = reference.rsplit_once(':')
        {
            self.engine.tag(&id, repository, tag)?;
            return Ok(published(true));
        }

        let layers: Vec<Digest> = image.layers.iter().map(|layer| layer.diff_id.clone()).collect();
        let examined = if self.engine.is_costly() { EXAMINED_FROM_AFAR } else { EXAMINED };
        let known = shared(&layers, &self.engine.layer_stacks(examined)?);
        let load = |skip| {
            let write = &mut |out: &mut dyn Write| {
                docker_archive::write(image, &reference, skip, &*self.watch, out)
            };
            self.engine.load(write)
        };
        let partial = load(known);
        match partial {
            // An engine that keeps its layers otherwise insists on the whole archive.
            Err(_) if known > 0 => load(0)?,
            result => result?,
        }
        Ok(published(false))
    }
}

/// How many of the lowest layers are the lowest layers of one of `stacks`, too. Engines keep a
/// layer together with those below it, so the same layer above others does not help.
fn shared(layers: &[Digest], stacks: &[Vec<Digest>]) -> usize {
    let common = |stack: &Vec<Digest>| {
        layers.iter().zip(stack).take_while(|(ours, theirs)| ours == theirs).count()
    };
    stacks.iter().map(common).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_layers_from_the_lowest_up_are_shared() {
        let [a, b, c] = [b"a", b"b", b"c"].map(|text| Digest::of(text));
        let ours = [a.clone(), b.clone(), c.clone()];
        for (stacks, expected) in [
            (vec![], 0),
            (vec![vec![b.clone(), c.clone()]], 0),
            (vec![vec![a.clone()], vec![a.clone(), b.clone(), a.clone()]], 2),
            (vec![vec![a.clone(), b.clone(), c.clone(), c.clone()]], 3),
        ] {
            assert_eq!(shared(&ours, &stacks), expected, "{stacks:?}");
        }
    }
}
