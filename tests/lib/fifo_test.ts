import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { Fifo } from "../../src/lib/fifo.ts";

Deno.test("Fifo gives items in the order in which they came, however they are mixed", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(3000), fc.constant("clear"))), (steps) => {
      const fifo = new Fifo<number>();
      let expected: number[] = [];
      let next = 0;
      for (const [index, step] of steps.entries()) {
        if (typeof step === "string") {
          fifo.clear();
          expected = [];
        } else if (index % 2 === 0) {
          for (let count = 0; count < step; count++) {
            fifo.push(next);
            expected.push(next++);
          }
        } else {
          const taken: (number | undefined)[] = [];
          equal(fifo.peek(), expected[0]);
          for (let count = 0; count < step; count++) taken.push(fifo.shift());
          const due = expected.splice(0, step);
          deepEqual(taken, [...due, ...Array(step - due.length).fill(undefined)]);
        }
        equal(fifo.length, expected.length);
      }
    }),
  );
});
