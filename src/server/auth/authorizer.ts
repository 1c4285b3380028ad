/** The port that decides who may connect, before anything of a connection is read; must not know HTTP or how listeners work. */

/** What a client brought along to its handshake. */
export interface Credentials {
  /** The values of all `Authorization` headers. */
  readonly authorization: readonly string[];
  /** The IP address that it comes from, without port. */
  readonly address: string;
}

/** Whether a client may connect. */
export type Admission =
  | {
    readonly type: "admitted";
    /** Whose client it is. */
    readonly principal: string;
    /** Unix milliseconds after which the credentials are worth nothing; null for never. */
    readonly expiresAtMs: number | null;
  }
  | {
    readonly type: "refused";
    /** Of the HTTP answer. */
    readonly status: number;
    /** Body of the HTTP answer; never holds any part of a token. */
    readonly text: string;
    /** A stable word for the log. */
    readonly reason: string;
    /** Whether this refusal is worth a line in the log: a flood of them gets one per minute and address. */
    readonly isLogged: boolean;
  };

/** Decides by what was configured. */
export interface Authorizer {
  authorize(credentials: Credentials): Promise<Admission>;
}
