//! `lb ctl`: a client of the runtime API.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// Where to send which commands.
#[derive(clap::Args)]
pub struct Args {
    /// The socket: a path, or an address with a port
    socket: String,
    /// The command's words; several commands with ';' between them; none: read commands from standard input
    command: Vec<String>,
}

/// A connection whose sending side can be closed.
trait Stream: Read + Write {
    fn finish(&self) -> io::Result<()>;
}

impl Stream for UnixStream {
    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Stream for TcpStream {
    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// Sends the commands, and copies the answers to standard output.
pub fn run(args: &Args) -> ExitCode {
    match converse(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lb ctl: {}: {error}", args.socket);
            ExitCode::FAILURE
        }
    }
}

fn converse(args: &Args) -> io::Result<()> {
    let mut stream: Box<dyn Stream> = match args.socket.contains('/') || !args.socket.contains(':') {
        true => Box::new(UnixStream::connect(&args.socket)?),
        false => Box::new(TcpStream::connect(&args.socket)?),
    };
    match args.command.is_empty() {
        true => {
            io::copy(&mut io::stdin(), &mut stream)?;
        }
        false => writeln!(stream, "{}", args.command.join(" "))?,
    }
    stream.finish()?;
    io::copy(&mut stream, &mut io::stdout())?;
    Ok(())
}
