//! Work on several threads, where the platform has them and the device computes on them.
//!
//! On a CPU device one forward pass of a small model cannot keep all cores busy, so independent batches run side by
//! side. Results come back in the order of the items and do not depend on the number of threads. A GPU gets its
//! work from one thread, since the order of its commands follows the thread that submits them; so does a browser.

use std::ops::ControlFlow;

use burn::tensor::Device;

use crate::{Error, Result};

/// How many threads may compute on `device`.
pub(crate) fn workers(device: &Device) -> usize {
    #[cfg(feature = "threads")]
    if device.clone().inner() == Device::flex() {
        return std::thread::available_parallelism().map_or(1, usize::from);
    }
    let _ = device;
    1
}

/// How many threads may each read `bytes` of weights again and again.
///
/// Weights that outgrow the caches come from memory each time, which threads share: better to read them once for the
/// rows of all, and to share out each product instead.
pub(crate) fn readers(device: &Device, bytes: usize) -> usize {
    const CACHES: usize = 64 << 20;
    if bytes > CACHES { 1 } else { workers(device) }
}

/// `f` of every item, in order.
pub(crate) fn map<T: Sync, R: Send>(device: &Device, items: &[T], f: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    #[cfg(feature = "threads")]
    if workers(device) > 1 {
        use rayon::prelude::*;
        return items.par_iter().map(f).collect();
    }
    let _ = device;
    items.iter().map(f).collect()
}

/// `f` of every item, the first on this thread and each other on a thread of its own, where there are threads.
///
/// # Errors
/// The place of an item whose thread panicked and what it said, as burn does where a device fails.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    f: impl Fn(&T) -> R + Sync,
) -> core::result::Result<Vec<R>, (usize, String)> {
    #[cfg(feature = "threads")]
    if let [first, others @ ..] = items {
        return std::thread::scope(|scope| {
            let f = &f;
            let handles: Vec<_> = others.iter().map(|item| scope.spawn(move || f(item))).collect();
            let first = f(first);
            let said = |panic: Box<dyn std::any::Any + Send>| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
            };
            let result = |(place, handle): (usize, std::thread::ScopedJoinHandle<'_, R>)| {
                handle.join().map_err(|panic| (place, said(panic)))
            };
            // All are joined, so that a second panic is not passed on by the scope.
            let results: Vec<_> = (1..).zip(handles).map(result).collect();
            core::iter::once(Ok(first)).chain(results).collect()
        });
    }
    Ok(items.iter().map(f).collect())
}

/// Receives the messages of a worker; [`ControlFlow::Break`] asks it to stop.
pub(crate) type Hear<'a, M> = &'a mut dyn FnMut(M) -> ControlFlow<()>;

/// Runs `work` on every item on a thread of its own, or one after another where there is one thread only.
///
/// Messages are heard on the calling thread; once it answers [`ControlFlow::Break`] every worker is told to stop.
///
/// # Errors
/// [`Error::Stopped`] after such an answer, even if every worker had finished before its messages were heard.
pub(crate) async fn with_messages<T: Sync, M: Send, R: Send>(
    device: &Device,
    items: &[T],
    work: impl AsyncFn(&T, Hear<'_, M>) -> R + Sync,
    hear: Hear<'_, M>,
) -> Result<Vec<R>> {
    let mut stopped = false;
    let mut hear = |message| {
        let flow = hear(message);
        stopped |= flow.is_break();
        flow
    };
    let results = run(device, items, work, &mut hear).await;
    if stopped { Err(Error::Stopped) } else { Ok(results) }
}

async fn run<T: Sync, M: Send, R: Send>(
    device: &Device,
    items: &[T],
    work: impl AsyncFn(&T, Hear<'_, M>) -> R + Sync,
    hear: Hear<'_, M>,
) -> Vec<R> {
    #[cfg(feature = "threads")]
    if workers(device) > 1 {
        return threads::run(items, work, hear);
    }
    let _ = device;
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        results.push(work(item, hear).await);
    }
    results
}

#[cfg(feature = "threads")]
mod threads {
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::Hear;

    pub(super) fn run<T: Sync, M: Send, R: Send>(
        items: &[T],
        work: impl AsyncFn(&T, Hear<'_, M>) -> R + Sync,
        hear: Hear<'_, M>,
    ) -> Vec<R> {
        let stop = &AtomicBool::new(false);
        let work = &work;
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            let start = |item| {
                let sender = sender.clone();
                scope.spawn(move || {
                    let mut tell = |message| {
                        if stop.load(Ordering::Relaxed) || sender.send(message).is_err() {
                            return ControlFlow::Break(());
                        }
                        ControlFlow::Continue(())
                    };
                    pollster::block_on(work(item, &mut tell))
                })
            };
            let handles: Vec<_> = items.iter().map(start).collect();
            drop(sender);
            for message in receiver {
                if !stop.load(Ordering::Relaxed) && hear(message).is_break() {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            let result = |handle: thread::ScopedJoinHandle<'_, R>| match handle.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            handles.into_iter().map(result).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "threads")]
    #[test]
    fn side_by_side_tells_which_item_failed_and_what_it_said() {
        assert_eq!(side_by_side(&[1, 2, 3], |item| item * 2), Ok(vec![2, 4, 6]));
        assert_eq!(side_by_side(&[] as &[usize], |item| *item), Ok(Vec::new()));
        let failed = side_by_side(&[1, 2, 3], |item| assert_ne!(*item, 2, "the card has gone"));
        assert!(failed.is_err_and(|(place, why)| place == 1 && why.contains("the card has gone")));
    }

    /// The worker sends one message, does not look at the answer and is done before it is heard.
    #[test]
    fn a_stop_is_not_lost_to_a_worker_that_has_finished() {
        let work = async |item: &usize, tell: Hear<'_, usize>| {
            let _ = tell(*item);
            *item
        };
        let run = |answer: ControlFlow<()>| {
            pollster::block_on(with_messages(&Device::flex(), &[1, 2, 3], work, &mut |_| answer))
        };
        assert!(matches!(run(ControlFlow::Break(())), Err(Error::Stopped)));
        assert!(run(ControlFlow::Continue(())).is_ok_and(|results| results == [1, 2, 3]));
    }
}
