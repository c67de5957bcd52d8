//! Log lines, written by a thread of their own so that no request waits for a disk or a pipe.
//!
//! Lines go through a bounded queue. When it is full a line is dropped and counted: a log that cannot be written must
//! not stop the gateway.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::log_filter::filter;
use super::settings::{LogFormat, LogSettings};

/// Lines that may wait to be written.
const QUEUE: usize = 8192;
/// How long the end of the process waits for the log.
const FLUSH: Duration = Duration::from_secs(1);

/// Where lines are handed in. Cloning shares the queue.
#[derive(Clone, Debug)]
pub struct LogSink {
    queue: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

/// What waits in the queue.
#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Everything before it is to be written; then this is dropped.
    Flush(SyncSender<()>),
}

/// Writes out what is queued when dropped.
#[derive(Debug)]
pub struct LogWriter(SyncSender<Entry>);

impl LogSink {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(target: impl Write + Send + 'static) -> io::Result<(Self, LogWriter)> {
        let (queue, lines) = sync_channel(QUEUE);
        std::thread::Builder::new().name("log".into()).spawn(move || write_all(&lines, target))?;
        Ok((Self { queue: queue.clone(), dropped: Arc::default() }, LogWriter(queue)))
    }

    /// Queues one line, its line feed included.
    pub fn write_line(&self, line: Vec<u8>) {
        if self.queue.try_send(Entry::Line(line)).is_err() {
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
        let (written, wait) = sync_channel(0);
        if self.0.send(Entry::Flush(written)).is_ok() {
            // Ends with an error, when the entry is dropped; a log that is stuck must not keep the process alive.
            let _ = wait.recv_timeout(FLUSH);
        }
    }
}

fn write_all(entries: &Receiver<Entry>, target: impl Write) {
    let mut target = io::BufWriter::new(target);
    while let Ok(entry) = entries.recv() {
        let mut waiting = write_entry(entry, &mut target);
        for entry in entries.try_iter() {
            waiting = write_entry(entry, &mut target).or(waiting);
        }
        let _ = target.flush();
        drop(waiting);
    }
}

/// A closed pipe must not end the gateway; the lines are lost to whoever closed it.
fn write_entry(entry: Entry, target: &mut impl Write) -> Option<SyncSender<()>> {
    match entry {
        Entry::Line(line) => {
            let _ = target.write_all(&line);
            None
        }
        Entry::Flush(waiting) => Some(waiting),
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
        if let Some(filter) = filter(level) {
            let _ = self.0.reload(filter);
        }
    }
}

/// Makes `sink` the log of this process. Once per process; a second call changes nothing.
pub fn install(settings: &LogSettings, sink: &LogSink) -> LogLevel {
    let chosen = filter(&settings.level).or_else(|| filter("info")).unwrap_or_default();
    let (filter, handle) = reload::Layer::new(chosen);
    let lines = tracing_subscriber::fmt::layer().with_writer(sink.clone()).with_ansi(false);
    let lines = match settings.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.boxed(),
    };
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    LogLevel(handle)
}
