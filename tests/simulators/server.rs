//! A small HTTP/1.1 server on threads: one for the door and one for each connection. It keeps connections alive, delays
//! replies when told to, can close its door and open it again on the same port, and ends with everything in it when it
//! is dropped. It knows no system: a `Site` says what is replied.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    reply::{self, Afterwards, Reply},
    request::{Reader, Request, Unread, Violation},
};

/// More connections than any test should open at a time; those beyond are closed at once.
const CONNECTIONS_MAX: usize = 256;
const ACCEPT_AGAIN: Duration = Duration::from_millis(10);
/// How long the port may still be taken when the door is opened again.
const REOPEN: Duration = Duration::from_secs(5);

/// What a simulated system replies. Called from many threads at a time.
pub(crate) trait Site: Send + Sync {
    /// How much of the request is read, of which the head is there.
    fn reads(&self, _: &Request) -> Reading {
        Reading::Whole
    }

    /// The connection is reset within the body of this request, which is as much of it as came.
    fn cut_off(&self, _: &Request) {}

    fn answer(&self, request: &Request) -> Reply;
    /// A request that broke a rule of HTTP; it is answered by the server.
    fn refused(&self, connection: usize, violation: Violation);
    /// The reply to a request is on the wire, between these two moments.
    fn written(&self, request: &Request, reply: &Reply, between: (Instant, Instant));
}

/// How much of a request is read. Unless it is all, the connection is reset then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Whole,
    HalfOfBody,
    Head,
}

/// A running server on a port of 127.0.0.1.
pub(crate) struct Server {
    address: SocketAddr,
    hall: Arc<Hall>,
    door: Mutex<Option<JoinHandle<()>>>,
}

/// What the door and the connections share.
pub(crate) struct Hall {
    site: Arc<dyn Site>,
    guests: Mutex<Guests>,
    closing: Condvar,
    accepted: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

struct Guests {
    closed: bool,
    latency: Duration,
    streams: BTreeMap<usize, Arc<TcpStream>>,
}

impl Server {
    pub(crate) fn start(site: Arc<dyn Site>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of 127.0.0.1 is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let hall = Arc::new(Hall::new(site));
        let door = Mutex::new(Some(open_door(&hall, listener)));
        Self { address, hall, door }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Delays every reply from now on.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.hall.guests.lock().unwrap().latency = latency;
    }

    /// How many connections came in so far.
    pub(crate) fn connections(&self) -> usize {
        self.hall.accepted.load(Ordering::SeqCst)
    }

    /// The most requests that were being answered at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.hall.most_in_flight.load(Ordering::SeqCst)
    }

    /// Ends every connection and refuses new ones until `open`. Does nothing when it is closed.
    pub(crate) fn close(&self) {
        let Some(door) = self.door.lock().unwrap().take() else { return };
        self.hall.send_away();
        // The door waits in `accept`; this is only to wake it.
        drop(TcpStream::connect(self.address));
        assert!(door.join().is_ok() || thread::panicking(), "a thread of the simulator panicked");
    }

    /// Listens again on the same port. Does nothing when it is open.
    pub(crate) fn open(&self) {
        let mut door = self.door.lock().unwrap();
        if door.is_none() {
            let listener = bind_again(self.address);
            self.hall.guests.lock().unwrap().closed = false;
            *door = Some(open_door(&self.hall, listener));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}

fn bind_again(address: SocketAddr) -> TcpListener {
    let end = Instant::now() + REOPEN;
    loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < end => {
                thread::sleep(Duration::from_millis(10));
            }
            bound => return bound.expect("the port is free again"),
        }
    }
}

fn open_door(hall: &Arc<Hall>, listener: TcpListener) -> JoinHandle<()> {
    let hall = Arc::clone(hall);
    thread::spawn(move || {
        thread::scope(|connections| {
            for stream in listener.incoming() {
                if hall.is_closed() {
                    break;
                }
                let Ok(stream) = stream.map(Arc::new) else {
                    // Without a free descriptor the next try would fail at once as well.
                    thread::sleep(ACCEPT_AGAIN);
                    continue;
                };
                let Some(number) = hall.let_in(&stream) else { continue };
                let hall = &hall;
                connections.spawn(move || hall.serve(number, &stream));
            }
            // Before the scope waits for the connections, so that nobody is kept waiting in front of the door.
            drop(listener);
        });
    })
}

impl Hall {
    fn new(site: Arc<dyn Site>) -> Self {
        let guests = Guests { closed: false, latency: Duration::ZERO, streams: BTreeMap::new() };
        Self {
            site,
            guests: Mutex::new(guests),
            closing: Condvar::new(),
            accepted: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        }
    }

    /// Waits for that long, or until the server closes, and answers whether it closes.
    pub(crate) fn wait(&self, span: Duration) -> bool {
        let guests = self.guests.lock().unwrap();
        let (guests, _) = self.closing.wait_timeout_while(guests, span, |guests| !guests.closed).unwrap();
        guests.closed
    }

    fn is_closed(&self) -> bool {
        self.guests.lock().unwrap().closed
    }

    /// Gives a connection its number; none when the server closes or is full.
    fn let_in(&self, stream: &Arc<TcpStream>) -> Option<usize> {
        let mut guests = self.guests.lock().unwrap();
        if guests.closed || guests.streams.len() >= CONNECTIONS_MAX || stream.set_nodelay(true).is_err() {
            return None;
        }
        let number = self.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        guests.streams.insert(number, Arc::clone(stream));
        Some(number)
    }

    fn send_away(&self) {
        let mut guests = self.guests.lock().unwrap();
        guests.closed = true;
        for stream in guests.streams.values() {
            // A client that is gone already needs no sending away.
            let _gone = stream.shutdown(Shutdown::Both);
        }
        self.closing.notify_all();
    }

    fn serve(&self, number: usize, stream: &TcpStream) {
        let mut reader = Reader::new(stream, number);
        let afterwards = loop {
            match self.exchange(&mut reader, stream, number) {
                Afterwards::Stay => {}
                afterwards => break afterwards,
            }
        };
        match afterwards {
            Afterwards::Reset => reply::reset(stream),
            _ => reply::close(stream),
        }
        self.guests.lock().unwrap().streams.remove(&number);
    }

    /// One request and its reply.
    fn exchange(&self, reader: &mut Reader<'_>, stream: &TcpStream, number: usize) -> Afterwards {
        match self.receive(reader) {
            Ok(Some(request)) => self.reply(&request, stream),
            Ok(None) => Afterwards::Reset,
            Err(Unread::Gone) => Afterwards::Close,
            Err(Unread::Refused(violation)) => {
                self.site.refused(number, violation);
                let reply = Reply::text(violation.status, violation.rule).with("Connection", "close");
                let _afterwards = reply.play(stream, self);
                Afterwards::Close
            }
        }
    }

    /// The next request; none when the connection is to be reset before it is read.
    fn receive(&self, reader: &mut Reader<'_>) -> Result<Option<Request>, Unread> {
        let mut request = reader.head()?;
        match self.site.reads(&request) {
            Reading::Whole => {
                reader.body(&mut request)?;
                Ok(Some(request))
            }
            Reading::HalfOfBody => {
                reader.half_of_body(&mut request)?;
                self.site.cut_off(&request);
                Ok(None)
            }
            Reading::Head => Ok(None),
        }
    }

    fn reply(&self, request: &Request, stream: &TcpStream) -> Afterwards {
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        let reply = self.site.answer(request);
        let latency = self.guests.lock().unwrap().latency;
        let closes = self.wait(latency);
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        if closes {
            return Afterwards::Close;
        }
        let began = Instant::now();
        let played = reply.play(stream, self);
        self.site.written(request, &reply, (began, Instant::now()));
        match played {
            Ok(Afterwards::Stay) if request.ends_connection() => Afterwards::Close,
            Ok(afterwards) => afterwards,
            Err(_) => Afterwards::Close,
        }
    }
}
