/** Items of model context in the Responses API form: the one vocabulary of history, rollouts and providers. */

/** One Responses API content part. */
export interface ContentPart {
  readonly type: string;
  readonly text?: string;
  readonly image_url?: string;
  readonly [key: string]: unknown;
}

/** An item of model context in the Responses API form. */
export type ResponseItem =
  | {
    readonly type: "message";
    readonly role: "developer" | "user" | "assistant" | "system";
    readonly content: readonly ContentPart[];
    readonly id?: string;
    readonly phase?: string | null;
  }
  | {
    readonly type: "reasoning";
    readonly id?: string;
    readonly summary: readonly ContentPart[];
    readonly content?: readonly ContentPart[] | null;
    readonly encrypted_content?: string | null;
  }
  | {
    readonly type: "function_call";
    readonly id?: string;
    readonly call_id: string;
    readonly name: string;
    /** JSON text exactly as the model sent it, possibly broken. */
    readonly arguments: string;
  }
  | {
    readonly type: "function_call_output";
    readonly call_id: string;
    readonly output: string | readonly ContentPart[];
  }
  | {
    readonly type: "custom_tool_call";
    readonly id?: string;
    readonly call_id: string;
    readonly name: string;
    readonly input: string;
  }
  | {
    readonly type: "custom_tool_call_output";
    readonly call_id: string;
    readonly output: string | readonly ContentPart[];
  }
  | {
    readonly type: "local_shell_call";
    readonly id?: string;
    readonly call_id: string;
    readonly status?: string;
    readonly action: {
      readonly type: "exec";
      readonly command: readonly string[];
      readonly working_directory?: string | null;
      readonly timeout_ms?: number | null;
    };
  }
  | {
    readonly type: "web_search_call";
    readonly id?: string;
    readonly status?: string;
    readonly action?: {
      readonly type: string;
      readonly query?: string;
      readonly [key: string]: unknown;
    };
  };
