//! Turns planned layers into layers with digests: on all cores, and only those nobody knows.

use std::path::Path;

use super::codec::{self, Codec};
use super::digesting::{self, Wanted};
use super::draft::DraftLayer;
use super::{History, Layer, Source};
use crate::cache::{Cache, Packed};
use crate::error::Result;
use crate::layers::LayerPath;
use crate::tar::{Options, Tree};

/// The files of some store paths as one tree.
pub fn tree(paths: &[LayerPath]) -> Result<Tree> {
    let plain = Options::default();
    Tree::read(
        paths.iter().map(|path| (Path::new(&path.path), path.options.as_ref().unwrap_or(&plain))),
    )
}

/// Digests every layer. The result does not depend on the number of cores, nor on the cache.
pub fn all(plan: &[DraftLayer], history: &History, cache: &Cache) -> Result<Vec<Layer>> {
    let paths: Vec<Vec<LayerPath>> =
        plan.iter().map(|layer| layer.paths.iter().map(LayerPath::from).collect()).collect();
    let mut packed: Vec<Option<Packed>> =
        plan.iter().map(|layer| cache.packed(&layer.paths)).collect();

    // A large layer begun last would leave all cores but one without work.
    let mut unknown: Vec<usize> = (0..plan.len()).filter(|at| packed[*at].is_none()).collect();
    unknown.sort_by_key(|at| std::cmp::Reverse(plan[*at].size));
    let wanted: Vec<Wanted> = unknown
        .iter()
        .map(|at| Wanted { paths: paths[*at].clone(), size: plan[*at].size })
        .collect();
    let remember = |at: usize, new: &Packed| cache.put_packed(&plan[unknown[at]].paths, new);
    let new = digesting::all(&wanted, &remember)?;
    for (at, new) in unknown.into_iter().zip(new) {
        packed[at] = Some(new);
    }

    let layer = |(packed, paths): (Packed, _)| Layer {
        diff_id: packed.diff_id.clone(),
        tar_size: None,
        digest: packed.diff_id,
        size: packed.size,
        media_type: codec::TAR.to_owned(),
        source: Source::Paths(paths),
        history: history.clone(),
        codec: Codec::default(),
    };
    Ok(packed.into_iter().flatten().zip(paths).map(layer).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::image::draft::DraftPath;

    fn draft(path: &Path, hash: &str) -> DraftLayer {
        let path =
            DraftPath { path: path.display().to_string(), hash: hash.to_owned(), options: None };
        DraftLayer { size: 1, paths: vec![path] }
    }

    /// What is known is not read again: it may even be gone. Other contents, options or neighbours
    /// are another layer.
    #[test]
    fn a_known_layer_is_not_read() {
        let world = tempfile::tempdir().unwrap();
        let cache = Cache::at(world.path().join("cache"));
        let file = world.path().join("file");
        fs::write(&file, "one").unwrap();
        let pack = |layers: &[DraftLayer]| all(layers, &History::default(), &cache);
        let known = pack(&[draft(&file, "sha256:1")]).unwrap();

        fs::write(&file, "other").unwrap();
        assert_eq!(pack(&[draft(&file, "sha256:1")]).unwrap(), known);
        assert_ne!(pack(&[draft(&file, "sha256:2")]).unwrap(), known);
        let mut owned = draft(&file, "sha256:1");
        owned.paths[0].options = Some(Options::default());
        assert_ne!(pack(&[owned]).unwrap()[0].diff_id, known[0].diff_id);

        fs::remove_file(&file).unwrap();
        assert_eq!(pack(&[draft(&file, "sha256:1")]).unwrap(), known);
        // Without a hash nobody can tell whether it is still the same.
        assert!(pack(&[draft(&file, "")]).is_err());
    }

    #[test]
    fn layers_keep_their_order_whichever_is_digested_first() {
        let world = tempfile::tempdir().unwrap();
        let layers: Vec<DraftLayer> = (0..20_u64)
            .map(|at| {
                let file = world.path().join(format!("{at}"));
                fs::write(&file, [b'x'].repeat(at as usize)).unwrap();
                DraftLayer { size: at, ..draft(&file, "") }
            })
            .collect();
        let packed = all(&layers, &History::default(), &Cache::none()).unwrap();
        let order: Vec<String> = packed
            .iter()
            .map(|layer| match &layer.source {
                Source::Paths(paths) => paths[0].path.clone(),
                Source::File(_) => unreachable!("packed from paths"),
            })
            .collect();
        let expected: Vec<String> =
            layers.iter().map(|layer| layer.paths[0].path.clone()).collect();
        assert_eq!(order, expected);
    }
}
