/** Conditions on a value in freshet.yaml: `{ is: shoes }`, `{ atLeast: 100, below: 500 }`. */
import { z } from "zod";
import { operatorNames, type Condition } from "../model/condition.ts";

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const text = "text, a number, true or false";

/** The operators with their schemas and what they are for. */
export const conditionKeys = {
  is: { schema: scalar, description: 'The very value; 1 is not the text "1".', expected: text },
  isNot: { schema: scalar, description: "Any other value, or none.", expected: text },
  oneOf: {
    schema: z.array(scalar).min(1).max(1_000),
    description: "One of these values.",
    expected: "a list of up to 1000 values",
  },
  atLeast: { schema: z.number(), description: "A number that is not less.", expected: "a number" },
  atMost: { schema: z.number(), description: "A number that is not greater.", expected: "a number" },
  above: { schema: z.number(), description: "A number that is greater.", expected: "a number" },
  below: { schema: z.number(), description: "A number that is less.", expected: "a number" },
  between: {
    schema: z.tuple([z.number(), z.number()]),
    description: "A number from the first to the second, both included.",
    expected: "two numbers: [from, to]",
  },
  contains: {
    schema: scalar,
    description: "Text with this in it, capitals told apart; or a list with this entry.",
    expected: text,
  },
  startsWith: {
    schema: z.string().min(1),
    description: "Text that begins so, capitals told apart.",
    expected: "text",
  },
  exists: {
    schema: z.boolean(),
    description: "Whether there is a value at all; null is none.",
    expected: "true or false",
  },
} as const satisfies Record<
  keyof Condition,
  { readonly schema: z.ZodType; readonly description: string; readonly expected: string }
>;

/** What a condition must be, said to people. */
export const conditionExpected = `{ <operator>: <value> } with one or more of ${operatorNames.join(", ")}`;

/** One condition: at least one operator, all of which must hold. */
export const conditionSchema = z
  .strictObject({
    is: conditionKeys.is.schema.optional(),
    isNot: conditionKeys.isNot.schema.optional(),
    oneOf: conditionKeys.oneOf.schema.optional(),
    atLeast: conditionKeys.atLeast.schema.optional(),
    atMost: conditionKeys.atMost.schema.optional(),
    above: conditionKeys.above.schema.optional(),
    below: conditionKeys.below.schema.optional(),
    between: conditionKeys.between.schema.optional(),
    contains: conditionKeys.contains.schema.optional(),
    startsWith: conditionKeys.startsWith.schema.optional(),
    exists: conditionKeys.exists.schema.optional(),
  })
  .refine((condition) => Object.keys(condition).length > 0, {
    // An operator that is none is said already.
    when: ({ issues }) => issues.length === 0,
  });

/** The condition as the model takes it: without the operators that are not there. */
export function conditionOf(parsed: z.output<typeof conditionSchema>): Condition {
  return Object.fromEntries(Object.entries(parsed).filter(([, asked]) => asked !== undefined));
}
