//! Work on several items at the same time, with the result of doing it one by one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use crate::error::{Failure, Kind, Result};

/// Asked for once: the answer comes out of half a dozen files, and pieces of layers want it
/// thousands of times.
static CORES: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// As many workers as this process may have cores.
pub fn cores() -> usize {
    *CORES
}

/// What `work` makes of each item, in the order of the items, by at most `workers` threads.
///
/// # Errors
/// Of the failures the one of the earliest item; work not begun when one fails is left undone.
pub fn map<T: Sync, R: Send>(
    items: &[T],
    workers: usize,
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(usize::MAX);
    let done: Vec<Mutex<Option<Result<R>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..workers.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(item), Some(slot)) = (items.get(at), done.get(at)) else { break };
                    if failed.load(Ordering::Relaxed) < at {
                        break;
                    }
                    let result = work(item);
                    if result.is_err() {
                        failed.fetch_min(at, Ordering::Relaxed);
                    }
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                }
            });
        }
    });
    // Items are begun in order, so one that was left undone comes after one that failed.
    done.into_iter()
        .map(|slot| {
            slot.into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .unwrap_or_else(|| Err(Failure::new(Kind::Internal, "work was left undone")))
        })
        .collect()
}

/// As [`map`], the largest items first: one that is begun last leaves all workers but one without
/// work.
///
/// # Errors
/// One of the failures.
pub fn map_largest_first<T: Sync, R: Send>(
    items: &[T],
    workers: usize,
    size: impl Fn(&T) -> u64,
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let mut order: Vec<(usize, &T)> = items.iter().enumerate().collect();
    order.sort_by_key(|(_, item)| std::cmp::Reverse(size(item)));
    let mut results = map(&order, workers, |(at, item)| Ok((*at, work(item)?)))?;
    results.sort_by_key(|(at, _)| *at);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_their_items() {
        let items: Vec<usize> = (0..200).collect();
        for workers in [1, 2, 7, 500] {
            assert_eq!(map(&items, workers, |item| Ok(*item)).unwrap(), items);
        }
        assert!(map(&[], 2, |item: &usize| Ok(*item)).unwrap().is_empty());
    }

    #[test]
    fn the_earliest_failure_is_told_whoever_was_faster() {
        let items: Vec<usize> = (0..200).collect();
        for workers in [1, 2, 7] {
            let failure = map(&items, workers, |item| match item {
                50 | 150 => Err(Failure::new(Kind::Data, item.to_string())),
                _ => Ok(()),
            });
            assert_eq!(failure.unwrap_err(), Failure::new(Kind::Data, "50"));
        }
    }

    #[test]
    fn the_largest_is_begun_first_and_results_keep_their_order() {
        let items: Vec<u64> = (0..100).map(|at| at * 37 % 100).collect();
        let begun = Mutex::new(Vec::new());
        let results = map_largest_first(
            &items,
            1,
            |size| *size,
            |item| {
                begun.lock().unwrap().push(*item);
                Ok(*item)
            },
        );
        assert_eq!(results.unwrap(), items);
        assert!(begun.into_inner().unwrap().is_sorted_by(|before, after| before > after));
    }
}
