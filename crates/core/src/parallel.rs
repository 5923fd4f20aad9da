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
