import { createServer as createHttpServer, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";

import { readAhead, type ReadAheadLimits } from "./read-ahead.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface TlsFiles {
  /** PEM texts. */
  readonly certificate: string;
  readonly key: string;
  /** Whose clients' certificates are accepted; null: none is asked for. */
  readonly clientCa: string | null;
}

export interface ListenerOptions extends ListenAddress {
  readonly tls: TlsFiles | null;
  /** For the headers of a request to arrive. */
  readonly headerTimeoutMs: number;
  /** For all of a request to arrive. */
  readonly requestTimeoutMs: number;
  /** How long a connection may stay without a request. */
  readonly keepAliveMs: number;
  /** More are closed at once. */
  readonly maxConnections: number;
  /** Which bodies are read before the application is called; none without it. */
  readonly readAhead?: ReadAheadLimits;
}

export interface Listener {
  readonly port: number;
  /** Takes no more connections, closes idle ones, and resolves when the others have had their answers, or `graceMs` are over. */
  close(graceMs: number): Promise<void>;
}

type Fetch = (request: Request) => Response | Promise<Response>;

/**
 * Listens.
 * @throws Error of Node.js when the address cannot be had, or the certificate does not do
 */
export async function listen(fetch: Fetch, options: ListenerOptions): Promise<Listener> {
  const server = serverOf(options);
  const listener = getRequestListener(fetch, {
    overrideGlobalObjects: true,
    // Whatever an HTTP/1.0 client leaves out; the hook does not look at it.
    hostname: "localhost",
    // A target or host that makes no URL. The adapter's own answers are empty, too, but for one that repeats an error.
    errorHandler: () => new Response("False", { status: 400, headers: { connection: "close" } }),
  });
  let closing = false;
  const idle = new Set<Socket>();
  const answering = new Set<ServerResponse>();
  server.on(options.tls === null ? "connection" : "secureConnection", (socket: Socket) => {
    idle.add(socket);
    socket.once("close", () => idle.delete(socket));
  });
  server.on("request", (request, response) => {
    const { socket } = request;
    idle.delete(socket);
    answering.add(response);
    response.once("close", () => {
      answering.delete(response);
      if (!socket.destroyed) idle.add(socket);
    });
    response.shouldKeepAlive &&= !closing;
    const answer = (): void => void listener(request, response);
    if (options.readAhead === undefined) answer();
    else readAhead(request, options.readAhead, answer);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port, backlog: 1024 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close: (graceMs) =>
      new Promise((resolve) => {
        closing = true;
        const timer = setTimeout(() => {
          server.closeAllConnections();
        }, graceMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        // Node.js itself would wait for connections on which nothing was ever sent.
        for (const socket of idle) socket.destroy();
        // Or a client would send its next request to a server that has gone.
        for (const response of answering) response.shouldKeepAlive = false;
      }),
  };
}

function serverOf({ tls, ...options }: ListenerOptions): Server {
  const limits = {
    headersTimeout: options.headerTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    // How precisely the two are kept.
    connectionsCheckingInterval: 100,
    keepAliveTimeout: options.keepAliveMs,
    maxHeaderSize: 16 * 1024,
    requireHostHeader: false,
  };
  const server =
    tls === null
      ? createHttpServer(limits)
      : createHttpsServer({
          ...limits,
          cert: tls.certificate,
          key: tls.key,
          minVersion: "TLSv1.2",
          handshakeTimeout: options.headerTimeoutMs,
          ...(tls.clientCa === null ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
        });
  server.maxConnections = options.maxConnections;
  // Requests that are no HTTP get Node's own answers, which have no body.
  return server;
}
