// The page view counter of express-session's README, on the store named by the
// environment variable STORE. It prints the port that it listens on.
'use strict'

const express = require('express')
const session = require('express-session')

const day = 24 * 60 * 60 * 1000

function store () {
  if (process.env.STORE === 'memorystore') {
    const MemoryStore = require('memorystore')(session)
    return new MemoryStore({ checkPeriod: day })
  }
  return new session.MemoryStore()
}

const app = express()
app.use(session({
  secret: 'not a secret: nothing but a benchmark',
  store: store(),
  resave: false,
  saveUninitialized: false,
  cookie: { maxAge: day }
}))
app.get('/', (req, res) => {
  req.session.views = (req.session.views || 0) + 1
  res.type('text').send(`You visited this page ${req.session.views} times\n`)
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
