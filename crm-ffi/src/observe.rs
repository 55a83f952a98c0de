//! Observers: functions of the host that are told of every commit.
//!
//! What they point to belongs to the host, which wants to free it one day. The invariant: once an
//! observation has ended, its callback neither runs nor will run, and `drop` was called once. Ending
//! it therefore waits for a callback that is running, except from within a callback, which would
//! wait for itself: then the last callback to leave completes the end.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crm_core::{Commit, Error, ErrorKind, Observer, Result};

use crate::engine::{Engine, engine};
use crate::error::{crm_error, crm_status};
use crate::guard::{Out, UserData, call_host, guard, is_in_host};
use crate::handle::crm_handle;

/// Is told of a commit: the numbers of its first and last change in the journal. `changes.list` with
/// `"after": first_seq - 1` reads them.
///
/// It runs after the commit, on the thread that wrote and before its call returns, so it should be
/// quick; several threads may be in it at once. It must return: no exception and no `longjmp` may
/// leave it. It may read, `crm_unobserve` and `crm_close`; a write on the same file from within it
/// fails with `CRM_REENTRANT`.
#[expect(non_camel_case_types, reason = "the name that C sees")]
pub type crm_commit_callback =
    Option<unsafe extern "C" fn(first_seq: i64, last_seq: i64, user_data: *mut c_void)>;

/// Releases the `user_data` of an observer that ended, or of a file that was closed.
#[expect(non_camel_case_types, reason = "the name that C sees")]
pub type crm_drop_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

type Notify = unsafe extern "C" fn(i64, i64, *mut c_void);

/// One observer, as long as anybody may still call it.
struct Watcher {
    notify: Notify,
    release: crm_drop_callback,
    user_data: UserData,
    calls: Mutex<Calls>,
    left: Condvar,
}

#[derive(Default)]
struct Calls {
    inside: usize,
    is_ended: bool,
    is_released: bool,
}

impl Watcher {
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, commit: &Commit) {
        {
            let mut calls = self.calls();
            if calls.is_ended {
                return;
            }
            calls.inside += 1;
        }
        // SAFETY: who registered it promised that it may be called until the observation ends, and
        // it cannot end while this call is counted as inside.
        call_host(|| unsafe {
            (self.notify)(commit.first_seq, commit.last_seq, self.user_data.get())
        });
        let mut calls = self.calls();
        calls.inside -= 1;
        self.release_if_over(calls);
        self.left.notify_all();
    }

    /// Ends it: at the latest when the callbacks that run now have returned, it is over.
    fn end(&self) {
        let mut calls = self.calls();
        calls.is_ended = true;
        if !is_in_host() {
            while calls.inside > 0 {
                calls = self.left.wait(calls).unwrap_or_else(PoisonError::into_inner);
            }
        }
        self.release_if_over(calls);
    }

    /// Gives the host its data back, when nobody uses it any more.
    fn release_if_over(&self, mut calls: MutexGuard<'_, Calls>) {
        if !calls.is_ended || calls.inside > 0 || calls.is_released {
            return;
        }
        calls.is_released = true;
        drop(calls);
        if let Some(release) = self.release {
            // SAFETY: who registered it promised that it may be called once when it is over.
            call_host(|| unsafe { release(self.user_data.get()) });
        }
    }
}

/// The observers of one handle, by number; `None` once the handle is closed.
pub(crate) struct Watchers(Mutex<Option<HashMap<u64, Watched>>>);

/// An observer and its place in the engine's list.
struct Watched {
    watcher: Arc<Watcher>,
    place: Observer,
}

impl Default for Watchers {
    fn default() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }
}

impl Watched {
    fn end(self) {
        drop(self.place);
        self.watcher.end();
    }
}

impl Watchers {
    fn all(&self) -> MutexGuard<'_, Option<HashMap<u64, Watched>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all of them, and lets none in any more.
    pub(crate) fn end(&self) {
        let all = self.all().take();
        all.into_iter().flatten().for_each(|(_, watched)| watched.end());
    }

    fn remove(&self, number: u64) -> Option<Watched> {
        self.all().as_mut()?.remove(&number)
    }
}

fn observe(engine: &Engine, watcher: Watcher) -> Result<u64> {
    /// Numbers are given out once in a process, so that a stale one is recognised.
    static LAST: AtomicU64 = AtomicU64::new(0);
    let watcher = Arc::new(watcher);
    let mut all = engine.watchers.all();
    let Some(all) = all.as_mut() else {
        return Err(Error::new(ErrorKind::InvalidHandle, "the handle was closed"));
    };
    let place = engine.crm.observe({
        let watcher = Arc::clone(&watcher);
        move |commit| watcher.tell(commit)
    });
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    all.insert(number, Watched { watcher, place });
    Ok(number)
}

/// Has `callback` told of every commit of this file from now on, whichever handle wrote it, and
/// writes the number of the observation to `observer_out`.
///
/// It ends by `crm_unobserve`, or when this handle is closed. Then `drop`, which may be NULL, is
/// called once with `user_data`, on whatever thread ends it. If `crm_observe` fails, `drop` is not
/// called and `user_data` stays the caller's.
///
/// Errors: `CRM_INVALID_ARGUMENT` if `callback` or `observer_out` is NULL, `CRM_INVALID_HANDLE`.
///
/// # Safety
///
/// `callback` and `drop` may be called with `user_data` on any thread until the observation has
/// ended; `observer_out` and `error_out` are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_observe(
    handle: crm_handle,
    callback: crm_commit_callback,
    user_data: *mut c_void,
    drop: crm_drop_callback,
    observer_out: *mut u64,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let user_data = UserData::new(user_data);
    let begin = move || {
        let notify = callback.ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "must not be NULL").with_field("callback")
        })?;
        // SAFETY: the promise of the caller.
        let out = unsafe { Out::new(observer_out, "observer_out") }?;
        let engine = engine(handle)?;
        let (calls, left) = (Mutex::default(), Condvar::new());
        let watcher = Watcher { notify, release: drop, user_data, calls, left };
        out.set(observe(&engine, watcher)?);
        Ok(())
    };
    // SAFETY: the promise of the caller.
    unsafe { guard(error_out, begin) }
}

/// Ends an observation of this handle. When it returns, the callback does not run any more and never
/// will, and `drop` was called: what the callback used may be freed.
///
/// It waits for a callback that runs in another thread, so do not hold a lock that the callback
/// takes. From within a callback it does not wait: the observation is over, and `drop` is called,
/// when those callbacks that run have returned.
///
/// Errors: `CRM_INVALID_HANDLE` if the handle is closed, or has no such observation (any more).
///
/// # Safety
///
/// `error_out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_unobserve(
    handle: crm_handle,
    observer: u64,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let end = || {
        let watched = engine(handle)?.watchers.remove(observer).ok_or_else(|| {
            Error::new(ErrorKind::InvalidHandle, "the handle has no such observer")
                .with_field("observer")
        })?;
        watched.end();
        Ok(())
    };
    // SAFETY: the promise of the caller.
    unsafe { guard(error_out, end) }
}
