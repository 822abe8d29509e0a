//! Ctrl-C: the first press asks the running stage to stop and clean up, the
//! second one leaves at once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use huashen_pipeline::Cancelled;

static PRESSED: AtomicBool = AtomicBool::new(false);

/// Installs the handler; call once.
pub fn install() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if PRESSED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .context("Ctrl-C cannot be handled")
}

/// Asks the running stage to stop, as Ctrl-C does.
pub fn press() {
    PRESSED.store(true, Ordering::SeqCst);
}

/// Takes back what [`press`] asked.
pub fn clear() {
    PRESSED.store(false, Ordering::SeqCst);
}

/// Whether Ctrl-C was pressed.
pub fn pressed() -> bool {
    PRESSED.load(Ordering::SeqCst)
}

/// An error once Ctrl-C was pressed.
pub fn check() -> Result<(), Cancelled> {
    if pressed() { Err(Cancelled) } else { Ok(()) }
}
