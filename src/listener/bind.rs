//! Accept sockets: one to each worker, all on one address by `SO_REUSEPORT`.
//!
//! Called by `gateway` before any worker starts, so that a busy or forbidden address stops start-up. Refuses an address
//! that another process holds, unless the operator asked to take over from it.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel holds for a socket that is not accepting yet; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Binds `sockets` accept sockets (at least one) to `address`, non-blocking, the kernel spreading connections over them.
/// Port 0 lets the system choose once; all sockets share the chosen port.
///
/// # Errors
///
/// `AddrInUse` when another socket holds the address and `take_over` is false; whatever the system says otherwise.
pub fn bind(address: SocketAddr, sockets: usize, take_over: bool) -> io::Result<Vec<TcpListener>> {
    if !take_over && address.port() != 0 {
        probe(address)?;
    }
    let first = accept_socket(address)?;
    let chosen = first.local_addr()?;
    let mut bound = vec![first];
    for _ in 1..sockets {
        bound.push(accept_socket(chosen)?);
    }
    Ok(bound)
}

/// Refuses an address that somebody listens on: with `SO_REUSEPORT` alone a second process of the same user would be let
/// in and silently take half of the connections.
fn probe(address: SocketAddr) -> io::Result<()> {
    let socket = unbound(address)?;
    socket.bind(&address.into()).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            io::Error::new(io::ErrorKind::AddrInUse, "is held by another process; --take-over binds beside it")
        }
        _ => error,
    })
}

fn accept_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = unbound(address)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // Accepted connections inherit it, which saves each of them a system call.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn unbound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a previous run in TIME_WAIT must not keep a restart from binding.
    socket.set_reuse_address(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn port_zero_is_chosen_once_for_all_sockets() {
        let bound = bind(any(), 3, false).unwrap();
        let ports: Vec<u16> = bound.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
        assert_eq!(ports.len(), 3);
        assert!(ports.iter().all(|port| *port == ports[0] && *port != 0), "{ports:?}");
    }

    #[test]
    fn address_in_use_is_refused_without_take_over_and_shared_with_it() {
        let first = bind(any(), 2, false).unwrap();
        let address = first[0].local_addr().unwrap();
        let refused = bind(address, 1, false).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(refused.to_string(), "is held by another process; --take-over binds beside it", "callers name the address");
        assert_eq!(bind(address, 1, true).unwrap()[0].local_addr().unwrap(), address);
    }

    #[test]
    fn address_is_free_again_once_its_sockets_close() {
        let first = bind(any(), 2, false).unwrap();
        let address = first[0].local_addr().unwrap();
        drop(first);
        assert!(bind(address, 1, false).is_ok());
    }
}
