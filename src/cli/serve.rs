//! `qonform serve`.

use std::net::{Ipv4Addr, SocketAddr};

use qonform::reference::{Behaviour, Clock, Fault, Options, Server};

use super::args::ServeArguments;
use super::{CliError, out};

/// Serves until Ctrl-C.
pub(super) async fn serve(arguments: &ServeArguments) -> Result<u8, CliError> {
    if arguments.list {
        out::out(&list())?;
        return Ok(0);
    }
    let options = Options {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
        clock: Clock::System,
        faults: arguments.faults.clone(),
        behaviours: arguments.behaviours.clone(),
        delay: arguments.delay.unwrap_or_default(),
        ..Options::default()
    };
    let server = Server::start(options).await.map_err(CliError::world)?;
    let fixture = server.fixture("serve");
    let base = server.base_url();
    let text = format!(
        "serving {base} until Ctrl-C\n\n\
         export QONFORM_TARGET={base}\n\
         export QONFORM_TOKEN={token}\n\
         export QONFORM_SECOND_TOKEN={second}     # another project\n\
         export QONFORM_LIMITED_TOKEN={limited}    # valid, without permission\n\
         export QONFORM_EMPTY_TOKEN={empty}      # a project without offerings\n\
         export QONFORM_VARIANT_ID={variant}     # an experiment variant\n\
         export QONFORM_SECOND_PRODUCT_ID={second_product}     # a product of the other project only\n\
         export QONFORM_PRODUCT_IDS={products}\n\n\
         curl -sS -i -H \"authorization: Bearer $QONFORM_TOKEN\" '{base}/offerings'\n\n\
         With these variables `qonform run` tests this server.\n",
        token = fixture.token,
        second = fixture.second_token,
        limited = fixture.limited_token,
        empty = fixture.empty_token,
        variant = quoted(&fixture.variant_id),
        second_product = quoted(fixture.second_product_ids.first().map_or("", String::as_str)),
        products = quoted(&fixture.product_ids.join(",")),
    );
    out::out(&text)?;
    let _ = tokio::signal::ctrl_c().await;
    server.stop().await;
    out::err("stopped\n");
    Ok(0)
}

/// Every fault and behaviour.
fn list() -> String {
    let line = |name: &str, sentence: &str| format!("  {name:<34} {sentence}\n");
    let faults = Fault::ALL.iter().map(|fault| line(fault.info().name, fault.info().sentence));
    let behaviours = Behaviour::ALL.iter().map(|other| line(other.info().name, other.info().sentence));
    let (faults, behaviours): (String, String) = (faults.collect(), behaviours.collect());
    format!("Faults (--fault):\n{faults}\nBehaviours (--behaviour):\n{behaviours}")
}

/// Quoted for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
