//! Sessions by seed: what client and server send, when they pause, how they close. Both ends know the seed and compare every byte.
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

/// What one end does.
#[derive(Clone, Debug)]
struct Part {
    /// The pauses in milliseconds and the sizes of what is sent.
    writes: Vec<(u64, usize)>,
    /// A reader stops for so many milliseconds after so many bytes.
    stops: Option<(usize, u64)>,
    /// How many bytes the kernel may receive ahead.
    window: Option<u32>,
    /// Is the writing half closed only when the other end has closed its own?
    waits_for_end: bool,
    content: Random,
}

/// The bytes of the first message, which the balancer inspects.
const HELLO: usize = 16;
const WELCOME: &[u8] = b"welcome!";
/// Far above what a session takes, however often it has to send again: it ends one that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Both parts of the session of that seed.
fn parts(seed: u64) -> [Part; 2] {
    let mut random = Random::new(seed);
    let mut part = |waits_for_end| {
        let rounds = 1 + random.below(5);
        let largest = [40, 3_000, 60_000][random.below(3) as usize];
        let writes = (0..rounds)
            .map(|_| (random.below(40), 1 + random.below(largest) as usize))
            .collect();
        let stops = (random.below(4) == 0).then(|| (random.below(20_000) as usize, random.below(300)));
        Part {
            writes,
            stops,
            window: (random.below(3) == 0).then(|| 2_300 + random.below(8_000) as u32),
            waits_for_end,
            content: Random::new(random.number()),
        }
    };
    // Who closes first: both at once, the client, the server.
    let ends = seed % 3;
    [part(ends == 2), part(ends == 1)]
}

/// The client's part, on a connection to the balancer.
pub async fn client(stream: TcpStream, seed: u64) -> Result<()> {
    let [own, other] = parts(seed);
    let carried = async {
        let mut stream = stream;
        let mut hello = [0; HELLO];
        hello[..8].copy_from_slice(&seed.to_le_bytes());
        stream.write_all(&hello).await?;
        let mut welcome = [0; WELCOME.len()];
        stream.read_exact(&mut welcome).await?;
        ensure!(welcome == WELCOME, "{welcome:?}");
        // Quiet for a while, or not quite.
        let mut random = Random::new(!seed);
        let longest = [40, 400, 800][random.below(3) as usize];
        sleep(Duration::from_millis(random.below(longest))).await;
        play(stream, own, other).await
    };
    timeout(PATIENCE, carried)
        .await
        .context("it hangs")?
        .with_context(|| format!("client of {seed}"))
}

/// The server's part, on a connection from the balancer.
pub async fn server(mut stream: TcpStream) -> Result<()> {
    let mut hello = [0; HELLO];
    stream.read_exact(&mut hello).await?;
    let seed = u64::from_le_bytes(*hello.first_chunk().context("a seed")?);
    let [other, own] = parts(seed);
    stream.write_all(WELCOME).await?;
    let played = timeout(PATIENCE, play(stream, own, other)).await;
    played.context("it hangs")?.with_context(|| format!("server of {seed}"))
}

async fn play(stream: TcpStream, own: Part, other: Part) -> Result<()> {
    if let Some(window) = own.window {
        let socket = rustix::net::sockopt::set_socket_recv_buffer_size(&stream, window as usize);
        socket?;
    }
    let (reader, writer) = stream.into_split();
    let (ended, end) = tokio::sync::oneshot::channel();
    let stops = own.stops;
    let write = write(writer, own, end);
    let read = async {
        let read = read(reader, &other, stops).await;
        // The writer that waits for it goes on also where reading failed.
        let _ = ended.send(());
        read
    };
    tokio::try_join!(write, read).map(drop)
}

async fn write(mut writer: OwnedWriteHalf, part: Part, end: tokio::sync::oneshot::Receiver<()>) -> Result<()> {
    let mut content = part.content;
    for (pause, size) in part.writes {
        sleep(Duration::from_millis(pause)).await;
        let bytes: Vec<u8> = (0..size).map(|_| content.number() as u8).collect();
        writer.write_all(&bytes).await.context("writing")?;
    }
    if part.waits_for_end {
        end.await?;
    }
    writer.shutdown().await.context("closing")
}

async fn read(mut reader: OwnedReadHalf, part: &Part, mut stops: Option<(usize, u64)>) -> Result<()> {
    let mut content = part.content.clone();
    let total: usize = part.writes.iter().map(|(_, size)| size).sum();
    let mut buffer = vec![0; 4096];
    let mut read = 0;
    loop {
        if let Some((_, pause)) = stops.take_if(|(after, _)| read >= *after) {
            sleep(Duration::from_millis(pause)).await;
        }
        let count = reader
            .read(&mut buffer)
            .await
            .with_context(|| format!("reading after {read} of {total}"))?;
        if count == 0 {
            break;
        }
        for (at, byte) in buffer.iter().take(count).enumerate() {
            let expected = content.number() as u8;
            ensure!(
                *byte == expected,
                "byte {} of {total} is {byte}, not {expected}",
                read + at
            );
        }
        read += count;
    }
    ensure!(read == total, "the end came after {read} of {total} bytes");
    Ok(())
}
