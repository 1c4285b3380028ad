/** Questions of the server that wait for the person: which come, which are answered, where; must not know how they look. */
import { notAnswered } from "../client/client.ts";
import type { ReconnectingClient } from "../client/reconnect.ts";
import type { CommandDecision, FileChangeDecision } from "../protocol/approval.ts";
import type { FileChange } from "../protocol/item.ts";
import type { AnyQuestion } from "../client/client.ts";
import {
  type Consent,
  elicitationConsent,
  needsNoInput,
  permissionsConsent,
} from "./consent_questions.ts";
import { type Fields, fieldsOf, textIn } from "./fields.ts";
import { declineOther } from "./foreign_questions.ts";
import { elicitationForm, type Form, type FormValues, userInputForm } from "./form_questions.ts";
import { changesIn } from "./item_block.ts";
import {
  CHANGES_DECISIONS,
  commandDecisions,
  extraWishes,
  type NetworkDecision,
} from "./question_parts.ts";

/** What every question has. */
interface QuestionBase {
  readonly id: string;
  readonly threadId: string;
  readonly turnId: string;
  readonly itemId: string;
  readonly reason: string | null;
}

/** Whether a command may run. */
export interface CommandQuestion extends QuestionBase {
  readonly type: "command";
  /** Exactly what will run; null when the server asks for something else, which `wishes` tell. */
  readonly command: string | null;
  /** On the server. */
  readonly cwd: string | null;
  /** What is asked for besides the command, such as a host to connect to. */
  readonly wishes: readonly string[];
  readonly decisions: readonly (CommandDecision | NetworkDecision)[];
}

/** Whether files may be changed. */
export interface ChangesQuestion extends QuestionBase {
  readonly type: "changes";
  /** A folder in which writing would be allowed from now on. */
  readonly grantRoot: string | null;
  readonly decisions: readonly FileChangeDecision[];
}

/** Whether something else is agreed to. */
export interface ConsentQuestion extends QuestionBase {
  readonly type: "consent";
  readonly consent: Consent;
  /** On the server. */
  readonly cwd: string | null;
  readonly decisions: readonly FileChangeDecision[];
}

/** Something to choose or to write. */
export interface FormQuestion extends QuestionBase {
  readonly type: "form";
  readonly form: Form;
}

/** A question that one key answers. */
export type DecidedQuestion = CommandQuestion | ChangesQuestion | ConsentQuestion;
/** One question. */
export type Question = DecidedQuestion | FormQuestion;
/** An answer; only forms have values. */
export type Decision = CommandDecision | NetworkDecision | { readonly values: FormValues };

/** How a question ended. */
export type Settlement =
  | { readonly type: "here"; readonly decision: Decision }
  /** Of another client, called `by` where the server tells; also when its answer came before ours. */
  | { readonly type: "elsewhere"; readonly by: string | null }
  /** Its turn ended, or the connection to its thread. */
  | { readonly type: "withdrawn" };

interface Waiting {
  readonly question: Question;
  answer(decision: Decision): void;
  /** Tells the server that no answer comes from here. */
  refuse(): void;
}

/** Hears how questions end. */
export type SettlementListener = (question: Question, settlement: Settlement) => void;

/**
 * Invariants: each question is in the queue until exactly one settlement is told, in the order in which they came; only
 * an answer of ours may be followed by a second settlement, when somebody else's counted.
 */
export class Questions {
  readonly #client: ReconnectingClient;
  readonly #waiting = new Map<string, Waiting>();
  /** Answered here, and not known to count yet. */
  readonly #given = new Map<string, Question>();
  /** What `fileChange` items want to change, by item. */
  readonly #changes = new Map<
    string,
    { readonly threadId: string; readonly changes: FileChange[] }
  >();
  readonly #listeners = new Set<() => void>();
  readonly #settlementListeners = new Set<SettlementListener>();
  readonly #stops: (() => void)[];

  /** Takes all questions of the client; `notice` is told about those that nobody can be asked. */
  constructor(client: ReconnectingClient, { notice }: { notice(text: string): void }) {
    this.#client = client;
    client.onOtherRequest((question, signal) => {
      const asked = readQuestion(question);
      return asked ? this.#ask(asked, signal) : declineOther(question, notice);
    });
    this.#stops = [
      client.onNews((news) => {
        if ("result" in news) this.#load(news.result.thread);
      }),
      client.on("item/started", ({ threadId, item }) => this.#keep(threadId, item)),
      client.on("item/completed", ({ item }) => void this.#changes.delete(item.id)),
      client.on("turn/completed", ({ threadId, turn }) => this.#turnEnded(threadId, turn.id)),
      client.on("serverRequest/resolved", (params) => this.#resolved(params)),
    ];
  }

  /** The one that has waited longest. */
  get current(): Question | null {
    for (const { question } of this.#waiting.values()) return question;
    return null;
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** What is asked about, as `turn/item`. */
  get subjects(): ReadonlySet<string> {
    const all = [...this.#waiting.values()];
    return new Set(all.map(({ question: { turnId, itemId } }) => `${turnId}/${itemId}`));
  }

  /** What a question about files would change; null while the server has not told. */
  changesOf({ itemId }: ChangesQuestion): readonly FileChange[] | null {
    return this.#changes.get(itemId)?.changes ?? null;
  }

  /** Answers a question; false when it does not wait any more. */
  answer(id: string, decision: Decision): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    this.#given.set(id, waiting.question);
    waiting.answer(decision);
    this.#settle(id, { type: "here", decision });
    return true;
  }

  /** Tells that `current` or `count` have changed; returns what stops it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells how questions end; returns what stops it. */
  onSettled(listener: SettlementListener): () => void {
    this.#settlementListeners.add(listener);
    return () => void this.#settlementListeners.delete(listener);
  }

  /** Listens no more. Questions stay open at the server, for whoever comes next. */
  close(): void {
    for (const stop of this.#stops) stop();
    for (const id of [...this.#waiting.keys()]) this.#settle(id, { type: "withdrawn" });
  }

  #ask({ question, encode }: Asked, signal: AbortSignal): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const waiting: Waiting = {
      question,
      answer: (decision) => resolve(encode(decision)),
      refuse: () => reject(notAnswered("The question was answered elsewhere")),
    };
    // The real servers count from 0 again when they are restarted.
    this.#given.delete(question.id);
    this.#settle(question.id, { type: "withdrawn" });
    this.#waiting.set(question.id, waiting);
    signal.addEventListener("abort", () => {
      // Who has answered is told right behind, in the same step. Else nobody has: then no answer is sent either,
      // because the question may still be open for others.
      queueMicrotask(() => {
        const isOpen = this.#waiting.get(question.id) === waiting;
        if (isOpen) this.#settle(question.id, { type: "withdrawn" });
      });
    }, { once: true });
    this.#changed();
    return promise;
  }

  #resolved(params: {
    readonly requestId: string | number;
    readonly answeredBy?: { readonly clientId: string; readonly name: string } | null | undefined;
    readonly cancelledBy?: string | undefined;
  }): void {
    const id = String(params.requestId);
    const { answeredBy } = params;
    const given = this.#given.get(id);
    this.#given.delete(id);
    if (given) {
      const isOurs = !answeredBy || answeredBy.clientId === this.#client.serverInfo?.clientId;
      if (!isOurs) this.#tell(given, { type: "elsewhere", by: answeredBy.name });
      return;
    }
    this.#waiting.get(id)?.refuse();
    const isWithdrawn = answeredBy === null || params.cancelledBy !== undefined;
    this.#settle(
      id,
      isWithdrawn ? { type: "withdrawn" } : { type: "elsewhere", by: answeredBy?.name ?? null },
    );
  }

  #turnEnded(threadId: string, turnId: string): void {
    for (const [id, { question }] of [...this.#waiting]) {
      const isOver = question.threadId === threadId && question.turnId === turnId;
      if (isOver) this.#settle(id, { type: "withdrawn" });
    }
    for (const [id, question] of [...this.#given]) {
      if (question.threadId === threadId && question.turnId === turnId) this.#given.delete(id);
    }
    for (const [itemId, one] of [...this.#changes]) {
      if (one.threadId === threadId) this.#changes.delete(itemId);
    }
  }

  #load(thread: {
    readonly id: string;
    readonly turns: readonly { readonly status: string; readonly items: readonly unknown[] }[];
  }): void {
    const last = thread.turns.at(-1);
    if (last?.status !== "inProgress") return;
    for (const item of last.items) this.#keep(thread.id, item);
  }

  #keep(threadId: string, item: unknown): void {
    const fields = fieldsOf(item);
    if (fields.type !== "fileChange") return;
    this.#changes.set(String(fields.id), { threadId, changes: changesIn(fields) });
    if (this.current?.itemId === fields.id) this.#changed();
  }

  #settle(id: string, settlement: Settlement): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    this.#tell(waiting.question, settlement);
    this.#changed();
  }

  #tell(question: Question, settlement: Settlement): void {
    for (const listener of [...this.#settlementListeners]) listener(question, settlement);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** A question, and its answer as its server wants it. */
interface Asked {
  readonly question: Question;
  encode(decision: Decision): unknown;
}

/** Servers of any version ask, so nothing is taken for granted. Null for what nobody can be asked. */
function readQuestion({ id, method, params }: AnyQuestion): Asked | null {
  const fields = fieldsOf(params);
  const base: QuestionBase = {
    id: String(id),
    threadId: textIn(fields, "threadId"),
    turnId: textIn(fields, "turnId"),
    itemId: textIn(fields, "itemId"),
    reason: textIn(fields, "reason") || null,
  };
  switch (method) {
    case "item/commandExecution/requestApproval":
      return { question: commandQuestion(base, fields), encode: (decision) => ({ decision }) };
    case "item/fileChange/requestApproval":
      return {
        question: changesQuestion(base, fields),
        encode: (decision) => ({ decision: plainDecision(decision) }),
      };
    case "item/permissions/requestApproval":
      return consentAsked(base, { consent: permissionsConsent(fields), fields });
    case "item/tool/requestUserInput":
      return formAsked(base, userInputForm(fields));
    case "mcpServer/elicitation/request": {
      if (needsNoInput(fields)) {
        return consentAsked(base, { consent: elicitationConsent(fields), fields });
      }
      const form = elicitationForm(fields);
      return form && formAsked(base, form);
    }
    default:
      return null;
  }
}

function commandQuestion(base: QuestionBase, fields: Fields): CommandQuestion {
  const { command } = fields;
  return {
    ...base,
    type: "command",
    command: typeof command === "string" ? command : null,
    cwd: textIn(fields, "cwd") || null,
    wishes: extraWishes(fields),
    decisions: commandDecisions(fields["availableDecisions"]),
  };
}

function changesQuestion(base: QuestionBase, fields: Fields): ChangesQuestion {
  const grantRoot = textIn(fields, "grantRoot") || null;
  return { ...base, type: "changes", grantRoot, decisions: CHANGES_DECISIONS };
}

function consentAsked(
  base: QuestionBase,
  { consent, fields }: { readonly consent: Consent; readonly fields: Fields },
): Asked {
  const { decisions } = consent;
  const cwd = textIn(fields, "cwd") || null;
  return {
    question: { ...base, type: "consent", consent, cwd, decisions },
    encode: (decision) => consent.encode(plainDecision(decision)),
  };
}

function formAsked(base: QuestionBase, form: Form): Asked {
  return {
    question: { ...base, type: "form", form },
    encode: (decision) =>
      form.encode(typeof decision === "object" && "values" in decision ? decision.values : null),
  };
}

/** A rule is about commands; for other things it means yes. */
function plainDecision(decision: Decision): FileChangeDecision {
  return typeof decision === "string" ? decision : "accept";
}
