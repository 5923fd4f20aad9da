//! Work in turns with the browser.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageChannel;

/// How long the browser waits for its turn, in milliseconds.
const STRETCH: f64 = 8.0;

/// Runs `work` to its end. Where it pauses by its own will, the browser handles events that have waited for a while.
pub(super) async fn in_turns<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut since = now();
    loop {
        match (Stretch { work: work.as_mut() }).await {
            Some(result) => return result,
            None if now() - since < STRETCH => {}
            None => {
                others().await;
                since = now();
            }
        }
    }
}

/// Milliseconds on the browser's clock.
pub(super) fn now() -> f64 {
    js_sys::Date::now()
}

/// Polls until the work is done (`Some`) or pauses although it could go on (`None`).
struct Stretch<'a, F> {
    work: Pin<&'a mut F>,
}

impl<F: Future> Future for Stretch<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let woken = Arc::new(Woken { already: AtomicBool::new(false), task: context.waker().clone() });
        match self.work.as_mut().poll(&mut Context::from_waker(&Waker::from(woken.clone()))) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if woken.already.load(Ordering::Relaxed) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Remembers that it was woken, and passes it on.
struct Woken {
    already: AtomicBool,
    task: Waker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.already.store(true, Ordering::Relaxed);
        self.task.wake_by_ref();
    }
}

/// Ends after the events that wait now. A message is not held back as timers are.
async fn others() {
    let Ok(channel) = MessageChannel::new() else { return };
    let (here, there) = (channel.port1(), channel.port2());
    let arrival = Promise::new(&mut |arrived, _| here.set_onmessage(Some(&arrived)));
    if there.post_message(&JsValue::NULL).is_ok() {
        // The promise is never rejected.
        let _ = JsFuture::from(arrival).await;
    }
    here.close();
}
