/* Which card a decision gets. */

/**
 * A purpose that is not listed gets the plain card.
 * @type {Record<string, new (decision: any, context: Context) => Card>}
 */
const CARDS = {
  checkpoint: CheckpointCard,
  overrun: CheckpointCard,
  blocker: CheckpointCard,
  approval: ApprovalCard,
  review: ReviewCard,
  failure: FailureCard,
  budget: BudgetCard,
  spend: SpendCard,
  form: FormCard,
};

/**
 * The card for a decision that is open.
 * @param {any} decision
 * @param {Context} context
 * @returns {Card}
 */
function cardFor(decision, context) {
  return new (CARDS[decision.purpose] || Card)(decision, context).build();
}
