//! Log lines, written by a thread of their own so that no request waits for a disk or a pipe.
//!
//! Lines go through a bounded queue. When it is full a line is dropped and counted: a log that cannot be written must
//! not stop the gateway.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::settings::{LogFormat, LogSettings};

/// Lines that may wait to be written.
const QUEUE: usize = 8192;

/// Where lines are handed in. Cloning shares the queue.
#[derive(Clone, Debug)]
pub struct LogSink {
    queue: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

/// Waits for the last lines when dropped; drop every [`LogSink`] first.
#[derive(Debug)]
pub struct LogWriter(Option<JoinHandle<()>>);

impl LogSink {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(target: impl Write + Send + 'static) -> io::Result<(Self, LogWriter)> {
        let (queue, lines) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new().name("log".into()).spawn(move || write_all(&lines, target))?;
        Ok((Self { queue, dropped: Arc::default() }, LogWriter(Some(writer))))
    }

    /// Queues one line, its line feed included.
    pub fn write_line(&self, line: Vec<u8>) {
        if self.queue.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that found the queue full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        if let Some(writer) = self.0.take() {
            // A writer that panicked has nothing left to wait for.
            let _ = writer.join();
        }
    }
}

fn write_all(lines: &Receiver<Vec<u8>>, target: impl Write) {
    let mut target = io::BufWriter::new(target);
    while let Ok(line) = lines.recv() {
        // A closed pipe must not end the gateway; the lines are lost to whoever closed it.
        let _ = target.write_all(&line);
        for line in lines.try_iter() {
            let _ = target.write_all(&line);
        }
        let _ = target.flush();
    }
}

/// One event's line on its way into the queue.
#[derive(Debug)]
pub struct LineBuffer {
    line: Vec<u8>,
    sink: LogSink,
}

impl Write for LineBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        self.sink.write_line(std::mem::take(&mut self.line));
    }
}

impl<'a> MakeWriter<'a> for LogSink {
    type Writer = LineBuffer;

    fn make_writer(&'a self) -> LineBuffer {
        LineBuffer { line: Vec::with_capacity(256), sink: self.clone() }
    }
}

/// Changes the filter of the process's log.
#[derive(Clone, Debug)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// Applies `level` from now on; one that does not parse changes nothing and was refused by the configuration.
    pub fn set(&self, level: &str) {
        if let Ok(filter) = EnvFilter::try_new(level) {
            let _ = self.0.reload(filter);
        }
    }
}

/// Makes `sink` the log of this process. Once per process; a second call changes nothing.
pub fn install(settings: &LogSettings, sink: &LogSink) -> LogLevel {
    let filter = EnvFilter::try_new(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(sink.clone()).with_ansi(false);
    let lines = match settings.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.boxed(),
    };
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    LogLevel(handle)
}
