//! Where answers go: one frame at a time, whichever thread they come from.

use crate::protocol::{self, Failure, Response, ResponseBody, MAX_FRAME};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// Writes answers; cheap to clone.
#[derive(Clone)]
pub struct Outlet {
    output: Arc<Mutex<dyn Write + Send>>,
}

impl Outlet {
    /// Answers go to `output`.
    pub fn new(output: impl Write + Send + 'static) -> Self {
        Self {
            output: Arc::new(Mutex::new(output)),
        }
    }

    /// Sends an answer. There is nobody to tell where that fails: the parent is gone, and the
    /// main loop is about to find out.
    pub fn send(&self, id: u64, body: ResponseBody) {
        match self.write(&Response { id, body }) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                let message = format!("the answer is larger than {MAX_FRAME} bytes");
                self.fail(id, Failure::internal(message));
            }
            Err(e) => log::warn!("An answer was not sent: {e}"),
        }
    }

    /// Sends a failure.
    pub fn fail(&self, id: u64, failure: Failure) {
        self.send(id, ResponseBody::Failed(failure));
    }

    fn write(&self, response: &Response) -> io::Result<()> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        protocol::write_frame(&mut *output, response)
    }
}
