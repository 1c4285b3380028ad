/** Where commands find the relay to our proxy, and how they are told; must not know what the proxy allows. */

/** On the loopback of the command's own network namespace; above the ports that systems hand out by themselves. */
export const RELAY_PORT = 61_128;

/** The variables by which programs find a proxy. There is no one spelling that all of them know. */
export function proxyEnvironment(): Readonly<Record<string, string>> {
  const relay = `http://127.0.0.1:${RELAY_PORT}`;
  const values = {
    http_proxy: relay,
    https_proxy: relay,
    all_proxy: relay,
    // What a command itself serves inside of its namespace.
    no_proxy: "localhost,127.0.0.1,::1",
  };
  const both = Object.entries(values).flatMap(([name, value]) => [
    [name, value],
    [name.toUpperCase(), value],
  ]);
  // Node.js heeds the others only if it is told to.
  return { ...Object.fromEntries(both), NODE_USE_ENV_PROXY: "1" };
}
