/** The notifications of threads as text, in the form that each kind of client gets; must not know peers. */

/** Params of a notification. */
export type EventParams = Readonly<Record<string, unknown>>;

/** A notification before a form of it is chosen. */
export interface FeedEvent {
  readonly method: string;
  /** What every client gets; never empty. */
  readonly params: EventParams;
  /** What clients that follow the thread by number get besides the number. */
  readonly numberedMembers?: EventParams;
  /** What clients get that know of each other. */
  readonly clientMembers?: EventParams;
}

/** The place of a notification in the log of its thread. */
export interface EventNumber {
  readonly logId: string;
  readonly seq: number;
}

/** Which client an event is for. */
export interface EventForm {
  readonly isNumbered: boolean;
  readonly knowsClients: boolean;
}

/** The params in one form, without the number. */
export function paramsIn({ isNumbered, knowsClients }: EventForm, event: FeedEvent): EventParams {
  const { params, numberedMembers, clientMembers } = event;
  if (!(isNumbered && numberedMembers) && !(knowsClients && clientMembers)) return params;
  return {
    ...params,
    ...isNumbered ? numberedMembers : {},
    ...knowsClients ? clientMembers : {},
  };
}

/** A notification as text; its number stands behind the other members. */
export function encodeEvent(
  event: { readonly method: string; readonly params: EventParams },
  number: EventNumber | null = null,
): string {
  const text = JSON.stringify({ method: event.method, params: event.params });
  return number ? withNumber(text, number) : text;
}

/** Puts the number into text that was encoded without, which costs less than to encode it again. */
export function withNumber(text: string, { logId, seq }: EventNumber): string {
  return `${text.slice(0, -2)},"logId":"${logId}","seq":${seq}}}`;
}
