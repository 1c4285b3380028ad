/** Questions with something to choose or to write: those of the agent and of MCP servers; must not know how they look. */
import { type Fields, fieldsIn, fieldsOf, listIn, textIn, textsIn } from "./fields.ts";

/** One answer that can be chosen. */
export interface FormOption {
  readonly label: string;
  readonly detail: string;
  readonly value: string | boolean;
}

/** One thing that is asked. */
export interface FormField {
  readonly id: string;
  readonly header: string;
  readonly text: string;
  readonly options: readonly FormOption[];
  /** Whether an answer can be written. */
  readonly takesText: boolean;
  /** Nobody else is to see it. */
  readonly isSecret: boolean;
  readonly isRequired: boolean;
  readonly isNumber: boolean;
}

/** What was chosen or written, by field. */
export type FormValues = Readonly<Record<string, string | boolean | number>>;

/** Several things that are asked together. */
export interface Form {
  readonly title: string;
  /** In the words of others; empty for none. */
  readonly intro: string;
  readonly fields: readonly FormField[];
  /** Null for no answer. */
  encode(values: FormValues | null): unknown;
}

/** The questions of the agent. */
export function userInputForm(params: Fields): Form {
  return {
    title: "The agent asks",
    intro: "",
    fields: listIn(params, "questions").map(fieldsOf).map((question): FormField => {
      const options = listIn(question, "options").map(fieldsOf).map((option) => ({
        label: textIn(option, "label"),
        detail: textIn(option, "description"),
        value: textIn(option, "label"),
      }));
      return {
        id: textIn(question, "id"),
        header: textIn(question, "header"),
        text: textIn(question, "question"),
        options,
        takesText: question["isOther"] === true || options.length === 0,
        isSecret: question["isSecret"] === true,
        isRequired: false,
        isNumber: false,
      };
    }),
    encode: (values) => ({
      answers: Object.fromEntries(
        Object.entries(values ?? {}).map(([id, value]) => [id, { answers: [String(value)] }]),
      ),
    }),
  };
}

/** What an MCP server wants to be filled in; null when it has something that nobody here can be asked. */
export function elicitationForm(params: Fields): Form | null {
  const schema = fieldsIn(params, "requestedSchema");
  const required = textsIn(schema, "required");
  const fields = Object.entries(fieldsIn(schema, "properties")).map(([id, value]) =>
    propertyField(id, fieldsOf(value), required.includes(id))
  );
  if (fields.some((field) => field === null)) return null;
  return {
    title: "An MCP server asks",
    intro: `${textIn(params, "serverName")}: ${textIn(params, "message")}`,
    fields: fields.filter((field) => field !== null),
    encode: (values) =>
      values === null
        ? { action: "decline", content: null, _meta: null }
        : { action: "accept", content: values, _meta: null },
  };
}

function propertyField(id: string, property: Fields, isRequired: boolean): FormField | null {
  const type = textIn(property, "type");
  const options = optionsOf(property, type);
  const isNumber = type === "number" || type === "integer";
  if (options.length === 0 && type !== "string" && !isNumber) return null;
  return {
    id,
    header: textIn(property, "title") || id,
    text: textIn(property, "description"),
    options,
    takesText: options.length === 0,
    isSecret: false,
    isRequired,
    isNumber,
  };
}

function optionsOf(property: Fields, type: string): readonly FormOption[] {
  if (type === "boolean") {
    return [{ label: "Yes", detail: "", value: true }, { label: "No", detail: "", value: false }];
  }
  if (type !== "string") return [];
  const names = textsIn(property, "enumNames");
  const plain = textsIn(property, "enum").map((value, index) => ({
    label: names[index] ?? value,
    detail: "",
    value,
  }));
  const titled = listIn(property, "oneOf").map(fieldsOf).map((one) => ({
    label: textIn(one, "title") || textIn(one, "const"),
    detail: "",
    value: textIn(one, "const"),
  }));
  return [...plain, ...titled];
}
