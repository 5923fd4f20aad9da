//! `minform worker`: devices of this machine for the training of another.

use anyhow::Result;

use crate::cli::Worker;

#[cfg(not(feature = "remote"))]
pub(crate) fn run(_options: &Worker) -> Result<()> {
    anyhow::bail!("workers are not compiled into this build; `cargo install --path native --features remote` adds them")
}

/// Serves until it is told to stop.
#[cfg(feature = "remote")]
pub(crate) fn run(options: &Worker) -> Result<()> {
    use std::net::TcpListener;

    use anyhow::Context as _;
    use burn::server::{RemoteServer, TokenAuthorizer, WebSocketTransport};

    use crate::folder::bearer_token;
    use crate::{device, output};

    let found = options.device.iter().map(|name| device::find(name)).collect::<Result<Vec<_>>>()?;
    let listener = TcpListener::bind(options.bind).with_context(|| format!("--bind {}", options.bind))?;
    let address = listener.local_addr()?;
    if options.token_file.is_none() && !address.ip().is_loopback() {
        eprintln!("warning: whoever reaches {address} can compute here; --token-file asks for a token");
    }
    let names: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
    output::line(format_args!("lending {} at ws://{address}", names.join(", ")))?;
    let server = RemoteServer::new(found.into_iter().map(|found| found.device));
    let transport = WebSocketTransport::from_listener(listener);
    match &options.token_file {
        Some(path) => server.with_authorizer(TokenAuthorizer::new(bearer_token(path)?)?).serve(transport)?,
        None => server.serve(transport)?,
    }
    Ok(())
}
