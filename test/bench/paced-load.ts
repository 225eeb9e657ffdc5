/**
 * An open loop: requests leave when they are due, whether or not the earlier ones are answered, as from real clients.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createHttpSocket, type Outcome } from './http-socket.ts'
import type { Ask } from './workloads.ts'

/** What to send where, how fast. */
export interface PacedOrder {
  host: string
  port: number
  /** How many may wait for an answer at the same time; what is due beyond that is not sent. */
  connections: number
  perSecond: number
  /** Ends the sending; what is under way is waited for. */
  signal: AbortSignal
  next: () => Ask
  answered: (ask: Ask, outcome: Outcome) => void
}

const TICK_MS = 5
const LATE_CHECK_MS = 1_000

/** @returns how many were sent, and how many were due when every connection was waiting */
export async function pacedLoad(order: PacedOrder): Promise<{ sent: number; heldBack: number }> {
  const sockets = Array.from({ length: order.connections }, () => createHttpSocket(order))
  await Promise.all(sockets.map((socket) => socket.open()))
  // The one that rested longest goes first, so that none rests until the server closes it.
  const idle = [...sockets]
  let [sent, heldBack] = [0, 0]
  const startMs = performance.now()
  let checkedMs = startMs

  while (!order.signal.aborted) {
    await sleep(TICK_MS)
    const nowMs = performance.now()
    let due = Math.floor(((nowMs - startMs) / 1000) * order.perSecond) - sent - heldBack
    for (; due > 0; due--) {
      const socket = idle.shift()
      if (!socket) break
      const ask = order.next()
      sent++
      socket.ask(ask.request, (outcome) => {
        idle.push(socket)
        order.answered(ask, outcome)
      })
    }
    heldBack += due
    if (nowMs - checkedMs > LATE_CHECK_MS) {
      checkedMs = nowMs
      for (const socket of sockets) socket.giveUpLate(nowMs)
    }
  }
  while (idle.length < sockets.length) {
    await sleep(TICK_MS)
    for (const socket of sockets) socket.giveUpLate(performance.now())
  }
  for (const socket of sockets) socket.close()
  return { sent, heldBack }
}
