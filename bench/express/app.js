// The page view counter of express-session's README, and the pages of the
// sections on databases, on the store named by the environment variable STORE. It
// prints the port that it listens on.
'use strict'

const express = require('express')
const session = require('express-session')

const day = 24 * 60 * 60 * 1000

function store (name) {
  if (name.startsWith('redis:')) {
    const { RedisStore } = require('connect-redis')
    const client = require('redis').createClient({ url: name })
    client.connect()
    return new RedisStore({ client })
  }
  if (name.startsWith('postgres:')) {
    const PgStore = require('connect-pg-simple')(session)
    const { Pool } = require('pg')
    return new PgStore({ pool: new Pool({ connectionString: name, max: 20 }), createTableIfMissing: true })
  }
  if (name === 'memorystore') {
    const MemoryStore = require('memorystore')(session)
    return new MemoryStore({ checkPeriod: day })
  }
  return new session.MemoryStore()
}

const app = express()
app.get('/static', (req, res) => res.type('text').send('ok\n')) // has no session
app.use(session({
  secret: 'not a secret: nothing but a benchmark',
  store: store(process.env.STORE),
  resave: false,
  saveUninitialized: false,
  cookie: { maxAge: day }
}))
app.get('/', (req, res) => {
  req.session.views = (req.session.views || 0) + 1
  res.type('text').send(`You visited this page ${req.session.views} times\n`)
})
app.get('/login', (req, res) => {
  Object.assign(req.session, { user: 'ada@example.com', theme: 'dark', csrf: 'b7c1f0e2a94d4c5d8e6f7a8b9c0d1e2f', visits: 1 })
  res.type('text').send('ok\n')
})
app.get('/read', (req, res) => {
  const { user, visits } = req.session
  const expected = Boolean(req.headers.cookie)
  res.status(expected === Boolean(user && visits) ? 200 : 500).type('text').send('ok\n')
})
app.get('/write', (req, res) => {
  req.session.visits++
  res.type('text').send('ok\n')
})
app.get('/count', (req, res) => {
  res.type('text').send(String(++req.session.visits))
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
