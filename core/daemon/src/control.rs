//! How a command reaches a running daemon: a Unix socket, one JSON value on one line in, one on one line out. Knows
//! neither what is asked nor what is answered.

use std::convert::Infallible;
use std::fs::Permissions;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

/// Makes the socket at `path`, for this user only (mode 0600). What is left there of a killed daemon is replaced: the
/// caller holds the lock of the state directory, so nobody else serves it.
///
/// The socket gets its name when it already has its mode, so no umask opens it to others for a moment.
///
/// # Errors
/// When the directory is missing or may not be written. Must be called inside a tokio runtime.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    let address = Address::of(path)?;
    let unnamed = address.path.with_extension("new");
    match std::fs::remove_file(&unnamed) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&unnamed)?;
    std::fs::set_permissions(&unnamed, Permissions::from_mode(0o600))?;
    std::fs::rename(&unnamed, &address.path)?;
    Ok(listener)
}

/// Answers every question with what `handler` makes of it, until it is dropped; then questions that are not answered
/// yet stay so. At most 16 are open at a time, further ones wait in the kernel's queue.
///
/// Whoever asks has 10 s to do so and 10 s to take each piece of the answer. `handler` may take its time. A question
/// that is no JSON, or longer than 64 KiB, is refused here. A panic of `handler` goes on in the caller.
pub(crate) async fn serve<H, F>(listener: UnixListener, handler: H) -> Infallible
where
    H: Fn(Value) -> F + Clone + Send + 'static,
    F: Future<Output = Value> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        // Both branches may be dropped halfway: neither has taken a connection or a result then.
        tokio::select! {
            Some(ended) = open.join_next() => continue_panic(ended),
            accepted = listener.accept(), if open.len() < OPEN_MAX => match accepted {
                Ok((stream, _)) => drop(open.spawn(answer(stream, handler.clone()))),
                Err(error) => wait_after(&error).await,
            },
        }
    }
}

/// A panic of a task goes on in the caller.
pub(crate) fn continue_panic(ended: Result<(), JoinError>) {
    if let Err(Ok(panic)) = ended.map_err(JoinError::try_into_panic) {
        std::panic::resume_unwind(panic);
    }
}

/// Out of descriptors, most likely: the connection still waits, so to go on at once would be a busy loop.
async fn wait_after(error: &io::Error) {
    tracing::warn!(%error, "failed to take a connection on the control socket");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// What goes wrong with one connection is told to its other end, if that still listens, and to nobody else.
async fn answer<H, F>(stream: UnixStream, handler: H)
where
    H: Fn(Value) -> F,
    F: Future<Output = Value>,
{
    let mut stream = BufReader::new(stream);
    let answer = match read_question(&mut stream, PATIENCE).await {
        Ok(question) => handler(question).await,
        Err(reason) => json!({ REFUSED: reason }),
    };
    if let Err(error) = write_answer(stream.get_mut(), &answer).await {
        tracing::debug!(%error, "failed to answer on the control socket");
    }
}

async fn read_question(stream: &mut BufReader<UnixStream>, patience: Duration) -> Result<Value, String> {
    let mut line = Vec::new();
    let mut limited = stream.take(QUESTION_MAX + 1);
    match timeout(patience, limited.read_until(b'\n', &mut line)).await {
        Err(_) => Err("no question came in time".into()),
        Ok(Err(error)) => Err(format!("failed to read the question: {error}")),
        Ok(Ok(_)) if line.len() as u64 > QUESTION_MAX => Err("the question is longer than 64 KiB".into()),
        Ok(Ok(_)) => serde_json::from_slice(&line).map_err(|error| format!("the question is no JSON: {error}")),
    }
}

async fn write_answer(stream: &mut UnixStream, answer: &Value) -> io::Result<()> {
    let mut line = answer.to_string().into_bytes();
    line.push(b'\n');
    for piece in line.chunks(PIECE) {
        timeout(PATIENCE, stream.write_all(piece)).await??;
    }
    stream.shutdown().await
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// There is no socket, or one that nobody serves: no daemon runs, or not yet.
    #[error("no daemon answers")]
    NobodyThere,
    /// There is a daemon, and its answer did not come or cannot be read.
    #[error("{0}")]
    Trouble(String),
}

/// Asks the daemon that serves the socket at `path`, and waits: 10 s to be rid of the question, and up to 30 s for each
/// piece of the answer, which may be of any length. Blocking.
///
/// # Errors
/// See [`AskError`].
pub(crate) fn ask(path: &Path, question: &Value) -> Result<Value, AskError> {
    let mut stream = connect(path)?;
    let answer = exchange(&mut stream, question).map_err(|error| AskError::Trouble(told(&error)))?;
    match serde_json::from_slice(&answer) {
        Ok(Value::Object(mut fields)) => match fields.remove(REFUSED) {
            Some(reason) => Err(AskError::Trouble(reason.as_str().unwrap_or("the question was refused").into())),
            None => Ok(Value::Object(fields)),
        },
        Ok(answer) => Ok(answer),
        Err(_) if answer.is_empty() => Err(AskError::Trouble("the daemon ended without an answer".into())),
        Err(error) => Err(AskError::Trouble(format!("the daemon's answer is not whole: {error}"))),
    }
}

fn connect(path: &Path) -> Result<StdUnixStream, AskError> {
    let address = Address::of(path);
    address.and_then(|address| StdUnixStream::connect(&address.path)).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AskError::NobodyThere,
        _ => AskError::Trouble(format!("failed to reach the daemon: {error}")),
    })
}

fn exchange(stream: &mut StdUnixStream, question: &Value) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
    // A refusal comes before all of a question is taken: it is worth more than the error of writing the rest.
    let written = stream.write_all(format!("{question}\n").as_bytes());
    let mut answer = Vec::new();
    match (stream.read_to_end(&mut answer), written) {
        (Err(_), Err(error)) => Err(error),
        (Err(error), Ok(())) if answer.is_empty() || error.kind() != ErrorKind::ConnectionReset => Err(error),
        _ => Ok(answer),
    }
}

fn told(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "the daemon runs, but does not answer".into(),
        _ => format!("failed to talk to the daemon: {error}"),
    }
}

/// A path that fits into a socket's address, which has room for 107 bytes (unix(7)). A longer one goes through the
/// handle of its directory.
struct Address {
    path: PathBuf,
    _directory: Option<OwnedFd>,
}

impl Address {
    fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= ADDRESS_MAX {
            return Ok(Self { path: path.into(), _directory: None });
        }
        let (parent, name) = path.parent().zip(path.file_name()).ok_or(ErrorKind::InvalidInput)?;
        let directory = rustix::fs::open(parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
        Ok(Self { path, _directory: Some(directory) })
    }
}

const OPEN_MAX: usize = 16;
const QUESTION_MAX: u64 = 64 << 10;
const PIECE: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(10);
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// Leaves room for the extension that a socket has before it gets its name.
const ADDRESS_MAX: usize = 100;
/// The one key that answers of the daemon itself must not have.
const REFUSED: &str = "control-refused";

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileTypeExt as _;
    use tokio::task::{JoinHandle, spawn_blocking};

    async fn echo(question: Value) -> Value {
        json!({ "asked": question })
    }

    fn socket() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        (dir, path)
    }

    fn served(path: &Path) -> JoinHandle<Infallible> {
        tokio::spawn(serve(bind(path).unwrap(), echo))
    }

    async fn asked(path: &Path, question: Value) -> Result<Value, AskError> {
        let path = path.to_owned();
        spawn_blocking(move || ask(&path, &question)).await.unwrap()
    }

    async fn raw(path: &Path, bytes: &[u8]) -> Value {
        let (path, bytes) = (path.to_owned(), bytes.to_owned());
        let line = spawn_blocking(move || {
            let mut stream = StdUnixStream::connect(path).unwrap();
            stream.write_all(&bytes).ok();
            stream.shutdown(std::net::Shutdown::Write).ok();
            let mut line = Vec::new();
            stream.read_to_end(&mut line).ok();
            line
        });
        serde_json::from_slice(&line.await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_question_gets_its_answer() {
        let (_dir, path) = socket();
        let _server = served(&path);
        let question = json!({"command": "status", "text": "line\nbreak"});
        assert_eq!(asked(&path, question.clone()).await.unwrap(), json!({ "asked": question }));
    }

    #[tokio::test]
    async fn the_socket_is_for_this_user_only_and_the_only_thing_that_is_made() {
        let (dir, path) = socket();
        let _server = served(&path);
        let metadata = std::fs::metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn nobody_is_there_without_a_socket_or_behind_that_of_a_dead_daemon() {
        let (_dir, path) = socket();
        assert!(matches!(asked(&path, json!(1)).await, Err(AskError::NobodyThere)));
        drop(bind(&path).unwrap());
        assert!(path.exists());
        assert!(matches!(asked(&path, json!(1)).await, Err(AskError::NobodyThere)));
        let _server = served(&path);
        assert_eq!(asked(&path, json!(1)).await.unwrap(), json!({"asked": 1}));
    }

    #[tokio::test]
    async fn a_path_longer_than_a_sockets_address_works_too() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let path = deep.join("control.sock");
        let _server = served(&path);
        assert_eq!(asked(&path, json!(1)).await.unwrap(), json!({"asked": 1}));
    }

    #[tokio::test]
    async fn an_answer_of_many_megabytes_arrives_whole() {
        let (_dir, path) = socket();
        let big = |_| async { json!(vec!["x".repeat(100); 100_000]) };
        let _server = tokio::spawn(serve(bind(&path).unwrap(), big));
        let answer = asked(&path, json!(1)).await.unwrap();
        assert_eq!(answer.as_array().unwrap().len(), 100_000);
    }

    #[tokio::test]
    async fn a_question_that_is_none_is_refused() {
        let (_dir, path) = socket();
        let _server = served(&path);
        let refusal = |answer: Value| answer[REFUSED].as_str().unwrap().to_owned();
        assert!(refusal(raw(&path, b"hello\n").await).starts_with("the question is no JSON"));
        assert!(refusal(raw(&path, b"").await).starts_with("the question is no JSON"));
        assert!(refusal(raw(&path, &vec![b' '; 70_000]).await).contains("longer than 64 KiB"));
        assert_eq!(raw(&path, b"7").await, json!({"asked": 7}), "the end of the stream ends the line");
        let long = asked(&path, json!("x".repeat(70_000))).await;
        assert!(matches!(long, Err(AskError::Trouble(_))), "{long:?}");
    }

    #[tokio::test]
    async fn silent_visitors_do_not_keep_others_out_for_ever() {
        let (_dir, path) = socket();
        let _server = served(&path);
        let silent: Vec<_> = (0..OPEN_MAX).map(|_| StdUnixStream::connect(&path).unwrap()).collect();
        let late = asked(&path, json!(1));
        tokio::pin!(late);
        assert!(timeout(Duration::from_millis(300), &mut late).await.is_err());
        drop(silent);
        assert_eq!(late.await.unwrap(), json!({"asked": 1}));
    }

    #[tokio::test]
    async fn a_silent_visitor_is_sent_away_after_a_while() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let read = read_question(&mut BufReader::new(ours), Duration::from_millis(50)).await;
        assert_eq!(read.unwrap_err(), "no question came in time");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_told() {
        let (_dir, path) = socket();
        let listener = bind(&path).unwrap();
        let hang_up = tokio::spawn(async move { listener.accept().await.map(drop) });
        let answer = asked(&path, json!(1)).await;
        assert!(matches!(answer, Err(AskError::Trouble(_))), "{answer:?}");
        hang_up.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_panic_of_the_handler_ends_the_server() {
        async fn broken(_: Value) -> Value {
            panic!("the handler is broken")
        }
        let (_dir, path) = socket();
        let server = tokio::spawn(serve(bind(&path).unwrap(), broken));
        assert!(asked(&path, json!(1)).await.is_err());
        assert!(server.await.unwrap_err().is_panic());
    }
}
